// The machine's own peak: oneDNN's best large matrix product, measured on the spot.
#ifndef TARN_CLI_PEAK_H
#define TARN_CLI_PEAK_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// *gflops: billions of floating-point operations a second, f32; the best of several sizes and
// repetitions. Takes a second or two.
enum status peak_measure(double *gflops) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

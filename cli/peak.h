// The machine's own peak: the vendor library's best large matrix product, measured on the spot.
#ifndef TARN_CLI_PEAK_H
#define TARN_CLI_PEAK_H

#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

// *gflops: billions of floating-point operations a second, the best of several sizes and
// repetitions, on the tape's backend: f32 on the CPU, else in the precision that is set, with bf16
// factors if bf16. Takes a second or two. Resets the tape.
enum status peak_measure(struct tape *tape, bool bf16, double *gflops) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

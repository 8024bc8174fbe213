// `tarn compare --classification`: McNemar's test of two classifiers' results.
#ifndef TARN_CLI_COMPARE_CLASSES_H
#define TARN_CLI_COMPARE_CLASSES_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Prints how often both, one and none of the two files are right, and the test. json: "" or where
// the same numbers are written.
enum status compare_classes(const char *path_a, const char *path_b, const char *json) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

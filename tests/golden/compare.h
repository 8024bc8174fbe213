// Comparison with one golden file.
#ifndef TARN_TESTS_GOLDEN_COMPARE_H
#define TARN_TESTS_GOLDEN_COMPARE_H

#include "nn/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

struct golden {
    struct st_file file;
    int n_compared;
    double worst; // largest difference so far, relative to the largest size of its tensor
    char worst_name[200];
};

void golden_open(const char *name, struct golden *golden); // aborts the test when it fails
void golden_close(struct golden *golden);
double golden_number(const struct golden *golden, const char *key); // from the metadata

// One tensor of the file as floats, mem_alloc; aborts the test when it is missing.
float *golden_read(const struct golden *golden, const char *name, size_t *n);

// Compares with row `row` of <name>.stats and <name>.samples: sum, sum of sizes, norm, largest
// size, 64 strided samples, each within `tolerance` of the tensor's scale. `label` for messages.
void golden_compare(struct golden *golden, const char *name, size_t row, const char *label,
                    const float *values, size_t n, double tolerance);

#ifdef __cplusplus
}
#endif
#endif

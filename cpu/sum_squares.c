#include "cpu/kernels.h"
#include "cpu/optimizer_hot.h"

// Fixed chunks, added in order: the same sum for any number of threads.
enum { CHUNK = 16384 };

enum status cpu_sum_squares_forward(const struct op_call *call)
{
    const float *x = call->in[0]->data;
    size_t n = tensor_count(call->in[0]), n_chunks = (n + CHUNK - 1) / CHUNK;
    void *scratch = NULL;
    TRY(call->backend->scratch(call->backend, n_chunks * sizeof(double), &scratch));
    double *sums = scratch;
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < n_chunks; c++) {
        size_t begin = c * CHUNK;
        sums[c] = ISA_PICK(sum_squares_chunk)(x + begin, n - begin < CHUNK ? n - begin : CHUNK);
    }
    double sum = 0.0;
    for (size_t c = 0; c < n_chunks; c++) sum += sums[c];
    *(float *)call->out[0]->data = (float)sum;
    return OK;
}

// The values that a pooling layer has learned, made from its parameters on the device, and the way
// of their gradients back (cpu/pool_values.h tells what they are). Gradients are summed in two
// passes without atomics: threads keep theirs in registers and blocks write partial sums; those are
// added in double, in their order.
#ifndef TARN_CUDA_POOL_VALUES_H
#define TARN_CUDA_POOL_VALUES_H

#include "cuda/pool/map.h"

typedef void (*pool_form)(const struct op_call *call, struct pool_value_form *form);

// Of struct pool_value_form, as functions that device code can call.
typedef void (*pool_value_of)(const void *args, int n_stored, const double *stored, double *value);
typedef void (*pool_gradient_of)(const void *args, int n_stored, const double *stored,
                                 const double *dvalue, double *dstored);

// For pools whose values are the stored numbers.
BOTH_INLINE void pool_same_value(const void *args, int n_stored, const double *stored,
                                 double *value)
{
    (void)args;
    for (int k = 0; k < n_stored; k++) value[k] = stored[k];
}

BOTH_INLINE void pool_same_gradient(const void *args, int n_stored, const double *stored,
                                    const double *dvalue, double *dstored)
{
    (void)args, (void)stored;
    for (int k = 0; k < n_stored; k++) dstored[k] = dvalue[k];
}

// The layer's parameters: n numbers each, of the layer or (n, C).
struct pool_params {
    int n_params;
    struct {
        const float *data;
        float *grad; // NULL: not wanted
        int n;
        bool per_channel, adds;
    } at[POOL_MAX_PARAMS];
};

struct pool_learned {
    struct pool_value_form form; // n is 0: no values
    struct pool_params params;
    int slots; // gradients of values that the kernels sum up, for each channel
    unsigned rows;
    size_t bytes; // of all scratch
    // stored (C, n_stored), value (C, n), dstored (C, n_stored), dvalue (C, slots), partial
    // (rows, C, slots).
    double *stored, *value, *dstored, *dvalue;
    float *values, *partial; // values (n, C)
};

// Sizes up the scratch; slots 0: forward.
static inline void pool_learned_measure(const struct op_call *call, pool_form form, int slots,
                                       unsigned rows, struct pool_learned *values)
{
    size_t c = (size_t)call->in[0]->shape[3];
    memset(values, 0, sizeof *values);
    if (form) form(call, &values->form);
    if (call->n_in == 1) return;
    const struct pool_value_form *f = &values->form;
    values->slots = slots;
    values->rows = rows;
    values->bytes = 2 * cuda_scratch_round(c * (size_t)f->n_stored * sizeof(double)) +
                    cuda_scratch_round(c * (size_t)f->n * sizeof(double)) +
                    cuda_scratch_round(c * (size_t)f->n * sizeof(float)) +
                    cuda_scratch_round(c * (size_t)slots * sizeof(double)) +
                    cuda_scratch_round(c * (size_t)slots * rows * sizeof(float));
}

static inline struct pool_params pool_params_of(const struct op_call *call)
{
    struct pool_params params;
    memset(&params, 0, sizeof params);
    params.n_params = call->n_in - 1;
    for (int i = 0; i < params.n_params; i++) {
        const struct tensor *t = call->in[1 + i];
        params.at[i].data = (const float *)t->data;
        params.at[i].n = (int)t->shape[0];
        params.at[i].per_channel = t->rank > 1;
    }
    return params;
}

template <pool_value_of VALUE>
static __global__ void pool_learned_kernel(const struct pool_map map, struct pool_learned values)
{
    int n_stored = values.form.n_stored, n = values.form.n;
    for (int c = (int)CUDA_FIRST; c < map.c; c += (int)CUDA_STEP) {
        double *stored = values.stored + (size_t)c * n_stored, *to = stored;
        double *value = values.value + (size_t)c * n;
        for (int i = 0; i < values.params.n_params; i++)
            for (int k = 0; k < values.params.at[i].n; k++) {
                int at = values.params.at[i].per_channel ? k * map.c + c : k;
                *to++ = (double)values.params.at[i].data[at];
            }
        VALUE(map.args, n_stored, stored, value);
        for (int k = 0; k < n; k++) values.values[(size_t)k * map.c + c] = (float)value[k];
    }
}

// Cuts the arrays out of scratch and computes the values that map->values points to; without
// parameters they are constants.
template <pool_value_of VALUE>
static enum status pool_learned_fill(const struct op_call *call, struct pool_learned *values,
                                    struct pool_map *map, char **scratch)
{
    const struct pool_value_form *form = &values->form;
    size_t c = (size_t)map->c, n = (size_t)form->n, n_stored = (size_t)form->n_stored;
    if (n == 0) return OK;
    if (call->n_in == 1) {
        double value[POOL_GPU_CONSTANTS] = {0};
        VALUE(map->args, 1, &form->constant, value);
        for (int k = 0; k < POOL_GPU_CONSTANTS; k++) map->constant[k] = (float)value[k];
        return OK;
    }
    values->stored = (double *)cuda_scratch_cut(scratch, c * n_stored * sizeof(double));
    values->dstored = (double *)cuda_scratch_cut(scratch, c * n_stored * sizeof(double));
    values->value = (double *)cuda_scratch_cut(scratch, c * n * sizeof(double));
    values->values = (float *)cuda_scratch_cut(scratch, c * n * sizeof(float));
    values->dvalue =
        (double *)cuda_scratch_cut(scratch, c * (size_t)values->slots * sizeof(double));
    values->partial = (float *)cuda_scratch_cut(
        scratch, c * (size_t)values->slots * values->rows * sizeof(float));
    values->params = pool_params_of(call);
    map->values = values->values;
    enum { THREADS = 64 };
    CUDA_LAUNCH(pool_learned_kernel<VALUE>, (unsigned)((c + THREADS - 1) / THREADS), THREADS, 0,
                cuda_stream(call), *map, *values);
    return cuda_check(call, "pool values");
}

// ---- gradients ---------------------------------------------------------------------------------

// A block's sum of the threads with the same channels; into its row of partial sums.
// dv: this thread's, (N, SLOTS); threads beyond the channels have zeros. memory: blockDim.x *
// blockDim.y floats that are shared and nobody uses.
template <int N, int SLOTS>
static __device__ void pool_learned_block_sum(float *partial, const float dv[N][SLOTS], int x,
                                             int n_x, int y, int n_y, int channel, int n_channels,
                                             float *memory)
{
#pragma unroll
    for (int lane = 0; lane < N; lane++)
#pragma unroll
        for (int k = 0; k < SLOTS; k++) {
            __syncthreads();
            memory[y * n_x + x] = dv[lane][k];
            __syncthreads();
            if (y != 0 || channel + lane >= n_channels) continue;
            float sum = 0.0f;
            for (int i = 0; i < n_y; i++) sum += memory[i * n_x + x];
            partial[((size_t)blockIdx.x * n_channels + channel + lane) * SLOTS + k] = sum;
        }
}

enum { POOL_SUM_X = 32, POOL_SUM_Y = 8 };

// Columns of (rows, n) partial sums.
static __global__ void pool_learned_sum_kernel(double *to, const float *partial, unsigned rows,
                                              int n)
{
    __shared__ double sums[POOL_SUM_Y][POOL_SUM_X];
    int x = (int)threadIdx.x % POOL_SUM_X, y = (int)threadIdx.x / POOL_SUM_X;
    int column = (int)blockIdx.x * POOL_SUM_X + x;
    double sum = 0.0;
    if (column < n)
        for (unsigned row = (unsigned)y; row < rows; row += POOL_SUM_Y)
            sum += (double)partial[(size_t)row * n + column];
    sums[y][x] = sum;
    __syncthreads();
    if (y != 0 || column >= n) return;
    for (int i = 1; i < POOL_SUM_Y; i++) sum += sums[i][x];
    to[column] = sum;
}

// One block: gradients of stored numbers by channel, then those of the layer, over the channels.
template <pool_gradient_of GRADIENT>
static __global__ void pool_learned_gradient_kernel(const struct pool_map map,
                                                   struct pool_learned values)
{
    __shared__ double sums[POOL_BLOCK];
    int n_stored = values.form.n_stored, t = (int)threadIdx.x;
    for (int c = t; c < map.c; c += POOL_BLOCK)
        GRADIENT(map.args, n_stored, values.stored + (size_t)c * n_stored,
                 values.dvalue + (size_t)c * values.slots, values.dstored + (size_t)c * n_stored);
    __syncthreads();
    const double *from = values.dstored;
    for (int i = 0; i < values.params.n_params; i++) {
        float *grad = values.params.at[i].grad;
        int n = values.params.at[i].n;
        bool adds = values.params.at[i].adds;
        for (int k = 0; k < n; k++) {
            double sum = 0.0;
            for (int c = t; c < map.c; c += POOL_BLOCK) {
                double one = from[(size_t)c * n_stored + k];
                float *to = grad + (size_t)k * map.c + c;
                if (!values.params.at[i].per_channel)
                    sum += one;
                else if (grad)
                    *to = adds ? *to + (float)one : (float)one;
            }
            if (values.params.at[i].per_channel) continue; // the whole block does
            sums[t] = sum;
            for (int half = POOL_BLOCK / 2; half > 0; half /= 2) {
                __syncthreads();
                if (t < half) sums[t] += sums[t + half];
            }
            if (t == 0 && grad) grad[k] = adds ? grad[k] + (float)sums[0] : (float)sums[0];
            __syncthreads();
        }
        from += n;
    }
}

// After the kernels that wrote the partial sums.
template <pool_gradient_of GRADIENT>
static enum status pool_learned_finish(const struct op_backward_call *backward,
                                      const struct pool_map *map, struct pool_learned *values)
{
    const struct op_call *call = backward->forward;
    int n = map->c * values->slots;
    for (int i = 0; i < values->params.n_params; i++) {
        if (!backward->want[1 + i]) continue;
        values->params.at[i].grad = (float *)call->in[1 + i]->grad;
        values->params.at[i].adds = backward->beta[1 + i] != 0.0f;
    }
    CUDA_LAUNCH(pool_learned_sum_kernel, (unsigned)((n + POOL_SUM_X - 1) / POOL_SUM_X),
                POOL_SUM_X * POOL_SUM_Y, 0, cuda_stream(call), values->dvalue, values->partial,
                values->rows, n);
    CUDA_LAUNCH(pool_learned_gradient_kernel<GRADIENT>, 1, POOL_BLOCK, 0, cuda_stream(call), *map,
                *values);
    return cuda_check(call, "pool values");
}

static inline bool pool_wants_params(const struct op_backward_call *backward)
{
    for (int i = 1; i < backward->forward->n_in; i++)
        if (backward->want[i]) return true;
    return false;
}

#endif

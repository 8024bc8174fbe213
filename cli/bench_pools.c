#include "cli/bench_pools.h"

#include <stdlib.h>
#include <string.h>

#include "backbone/site_pool.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_map.h"

enum { WARM_UP = 2, COPY_RUNS = 7, COPY_MAX_BYTES = 256 << 20, PATTERN = 1 << 20 };

struct bench_pools {
    struct bench_pools_job job;
    struct backend *backend;
    struct tape *tape;
    void *memory; // x
    size_t bytes;
    float *pattern; // (PATTERN) random values, repeated to fill maps
};

// Repeats the pattern; to bf16 by cutting off the lower half, which is exact enough here.
static void fill(const struct bench_pools *bench, void *to, enum dtype dtype, size_t n)
{
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < n; begin += PATTERN) {
        size_t part = n - begin < PATTERN ? n - begin : PATTERN;
        if (dtype == DTYPE_F32) {
            memcpy((float *)to + begin, bench->pattern, part * sizeof(float));
            continue;
        }
        for (size_t i = 0; i < part; i++) {
            uint32_t bits;
            memcpy(&bits, &bench->pattern[i], sizeof bits);
            ((uint16_t *)to)[begin + i] = (uint16_t)(bits >> 16);
        }
    }
}

enum status bench_pools_open(const struct bench_pools_job *job, struct bench_pools **out)
{
    struct bench_pools *bench = (struct bench_pools *)mem_alloc(1, sizeof *bench);
    if (!bench) return ERR_MEMORY;
    enum status status = OK;
    bench->job = *job;
    struct tensor x = tensor_wrap(job->dtype, 4, job->shape, NULL);
    GUARD(backend_create_cpu(0, &bench->backend));
    GUARD(tape_create(bench->backend, &bench->tape));
    bench->bytes = tensor_bytes(&x);
    bench->memory = mem_map(bench->bytes);
    bench->pattern = (float *)mem_alloc(PATTERN, sizeof *bench->pattern);
    if (!bench->memory || !bench->pattern) {
        status = ERR_MEMORY;
        goto done;
    }
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, 0);
    for (size_t i = 0; i < PATTERN; i++) { // as after a ReLU
        float value = rng_uniform(&rng, -2.0f, 2.0f);
        bench->pattern[i] = value > 0.0f ? value : 0.0f;
    }
    fill(bench, bench->memory, job->dtype, tensor_count(&x));
    *out = bench;
    return OK;
done:
    bench_pools_close(bench);
    return status;
}

void bench_pools_close(struct bench_pools *bench)
{
    if (!bench) return;
    tape_destroy(bench->tape);
    backend_destroy(bench->backend);
    mem_unmap(bench->memory, bench->bytes);
    mem_free(bench->pattern);
    mem_free(bench);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// Tensors of the recorded nodes beside x, y and the parameters, each once.
static double held_bytes(const struct tape *tape, const struct tensor *x, const struct tensor *y)
{
    double sum = 0;
    const struct tensor *seen[256];
    size_t n_seen = 0;
    for (size_t i = 0; i < tape->n_nodes; i++) {
        const struct op_call *call = &tape->nodes[i]->call;
        for (int k = 0; k < call->n_in + call->n_out; k++) {
            const struct tensor *t = k < call->n_in ? call->in[k] : call->out[k - call->n_in];
            size_t at = 0;
            if (!t || t == x || t == y || t->is_param) continue;
            while (at < n_seen && seen[at] != t) at++;
            if (at < n_seen || n_seen == sizeof seen / sizeof *seen) continue;
            seen[n_seen++] = t;
            sum += (double)tensor_bytes(t);
        }
    }
    return sum;
}

struct times {
    double forward, backward;
};

static enum status run_once(struct bench_pools *bench, struct pool_layer *layer,
                            struct times *times, struct bench_pool_result *result)
{
    struct tape *tape = bench->tape;
    struct tensor x = tensor_wrap(bench->job.dtype, 4, bench->job.shape, bench->memory);
    struct tensor *y = NULL, *dy = NULL;
    x.needs_grad = true;
    tape_reset(tape);
    tape->recording = tape->training = true;
    params_zero_grad(layer->params);
    double start = clock_seconds();
    TRY(site_pool_forward(layer->pool, tape, &x, &y));
    TRY(bench->backend->synchronize(bench->backend));
    times->forward = clock_seconds() - start;

    result->held_bytes = held_bytes(tape, &x, y);
    result->forward_bytes = (double)tensor_bytes(&x) + (double)tensor_bytes(y);
    result->backward_bytes =
        (double)(tensor_count(y) + tensor_count(&x)) * sizeof(float) +
        (layer->pool->def->gradient_ignores_x ? 0.0 : (double)tensor_bytes(&x));
    TRY(tape_tensor(tape, DTYPE_F32, 4, y->shape, &dy));
    fill(bench, dy->data, DTYPE_F32, tensor_count(dy));
    start = clock_seconds();
    TRY(tape_backward_from(tape, y, dy));
    TRY(bench->backend->synchronize(bench->backend));
    times->backward = clock_seconds() - start;
    return OK;
}

enum status bench_pools_run(struct bench_pools *bench, const struct pool_choice *choice,
                            const struct window *window, struct bench_pool_result *result)
{
    struct pool_layer layer;
    double forward[BENCH_POOLS_MAX_RUNS], backward[BENCH_POOLS_MAX_RUNS];
    TRY(pool_layer_open(choice, window, (int)bench->job.shape[3], bench->backend, &layer));
    enum status status = OK;
    for (int run = -WARM_UP; run < bench->job.runs; run++) {
        struct times times;
        GUARD(run_once(bench, &layer, &times, result));
        if (run < 0) continue;
        forward[run] = times.forward;
        backward[run] = times.backward;
    }
    result->forward_seconds = median(forward, bench->job.runs);
    result->backward_seconds = median(backward, bench->job.runs);
done:
    pool_layer_close(&layer);
    return status;
}

enum status bench_pools_copy(const struct bench_pools *bench, double *bytes_per_second,
                             enum copy_kind *kind)
{
    size_t bytes = bench->bytes < COPY_MAX_BYTES ? bench->bytes / 64 * 64 : COPY_MAX_BYTES;
    void *to = mem_map(bytes);
    double best = 0;
    if (!to) return ERR_MEMORY;
    for (int k = 0; k < N_COPY_KINDS; k++) {
        double seconds[COPY_RUNS];
        for (int run = -1; run < COPY_RUNS; run++) { // the first touches the pages
            double start = clock_seconds();
            copy_blocks(to, bench->memory, bytes, (enum copy_kind)k);
            if (run >= 0) seconds[run] = clock_seconds() - start;
        }
        double rate = 2.0 * (double)bytes / median(seconds, COPY_RUNS);
        if (rate <= best) continue;
        best = rate;
        *kind = (enum copy_kind)k;
    }
    mem_unmap(to, bytes);
    *bytes_per_second = best;
    return OK;
}

#include "cli/bench_pools.h"

#include <stdlib.h>
#include <string.h>

#include "backbone/site_pool.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cpu/copy.h"
#include "nn/ops_map.h"
#include "train/device.h"

enum { WARM_UP = 2, GPU_WARM_UP = 20, COPY_RUNS = 7, PATTERN = 1 << 20 };
enum { COPY_MAX_BYTES = 256 << 20, BUSY_BYTES = 256 << 20 };

struct bench_pools {
    struct bench_pools_job job;
    struct backend *backend;
    struct tape *tape;
    void *memory; // x, of the device
    size_t bytes;
    void *busy;     // (BUSY_BYTES), of a device with a timer
    float *pattern; // (PATTERN) random values, repeated to fill maps
};

// Repeats the pattern; to bf16 by cutting off the lower half, which is exact enough here.
static void fill_host(const struct bench_pools *bench, void *to, enum dtype dtype, size_t n)
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

// Of device memory.
static enum status fill(const struct bench_pools *bench, void *to, enum dtype dtype, size_t n)
{
    if (!bench->backend->is_async) {
        fill_host(bench, to, dtype, n);
        return OK;
    }
    size_t size = dtype_bytes(dtype);
    void *piece = mem_alloc(PATTERN, size);
    if (!piece) return ERR_MEMORY;
    enum status status = OK;
    fill_host(bench, piece, dtype, PATTERN);
    for (size_t begin = 0; begin < n; begin += PATTERN) {
        size_t some = n - begin < PATTERN ? n - begin : PATTERN;
        GUARD(bench->backend->upload(bench->backend, (char *)to + begin * size, piece,
                                     some * size));
    }
    GUARD(bench->backend->synchronize(bench->backend));
done:
    mem_free(piece);
    return status;
}

// A device that waits for work would count the host's time up to the first kernel as its own:
// zeroing keeps it busy while the host queues what is timed.
static enum status timer_start(const struct bench_pools *bench, double *start)
{
    if (bench->busy) TRY(bench->backend->zero(bench->backend, bench->busy, BUSY_BYTES));
    *start = clock_seconds();
    return bench->backend->timer ? bench->backend->timer->start(bench->backend) : OK;
}

static enum status timer_stop(const struct bench_pools *bench, double start, double *seconds)
{
    if (bench->backend->timer) return bench->backend->timer->stop(bench->backend, seconds);
    *seconds = clock_seconds() - start;
    return OK;
}

enum status bench_pools_open(const struct bench_pools_job *job, struct bench_pools **out)
{
    struct bench_pools *bench = (struct bench_pools *)mem_alloc(1, sizeof *bench);
    if (!bench) return ERR_MEMORY;
    enum status status = OK;
    bench->job = *job;
    struct tensor x = tensor_wrap(job->dtype, 4, job->shape, NULL);
    status = device_open(job->device, 0, &bench->backend);
    if (status != OK) {
        (void)fail_context(status, "--backend %s: ", job->device);
        goto done;
    }
    GUARD(tape_create(bench->backend, &bench->tape));
    bench->bytes = tensor_bytes(&x);
    struct arena_source *source = &bench->backend->memory;
    bench->memory = source->get(source->context, bench->bytes);
    bench->pattern = (float *)mem_alloc(PATTERN, sizeof *bench->pattern);
    if (bench->backend->timer) bench->busy = source->get(source->context, BUSY_BYTES);
    if (!bench->memory || !bench->pattern || (bench->backend->timer && !bench->busy)) {
        status = ERR_MEMORY;
        goto done;
    }
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, 0);
    for (size_t i = 0; i < PATTERN; i++) { // as after a ReLU
        float value = rng_uniform(&rng, -2.0f, 2.0f);
        bench->pattern[i] = value > 0.0f ? value : 0.0f;
    }
    GUARD(fill(bench, bench->memory, job->dtype, tensor_count(&x)));
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
    if (bench->memory)
        bench->backend->memory.put(bench->backend->memory.context, bench->memory, bench->bytes);
    if (bench->busy)
        bench->backend->memory.put(bench->backend->memory.context, bench->busy, BUSY_BYTES);
    backend_destroy(bench->backend);
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
    if (bench->backend->bf16 && x.dtype == DTYPE_BF16) x.grad_dtype = DTYPE_BF16;
    tape_reset(tape);
    tape->recording = tape->training = true;
    params_zero_grad(layer->params);
    double start;
    TRY(timer_start(bench, &start));
    TRY(site_pool_forward(layer->pool, tape, &x, &y));
    TRY(timer_stop(bench, start, &times->forward));

    result->held_bytes = held_bytes(tape, &x, y);
    result->forward_bytes = (double)tensor_bytes(&x) + (double)tensor_bytes(y);
    result->backward_bytes =
        (double)(tensor_count(y) + tensor_count(&x)) * (double)dtype_bytes(x.grad_dtype) +
        (layer->pool->def->gradient_ignores_x ? 0.0 : (double)tensor_bytes(&x));
    TRY(tape_tensor(tape, y->grad_dtype, 4, y->shape, &dy));
    TRY(fill(bench, dy->data, dy->dtype, tensor_count(dy)));
    TRY(timer_start(bench, &start));
    TRY(tape_backward_from(tape, y, dy));
    TRY(timer_stop(bench, start, &times->backward));
    return OK;
}

enum status bench_pools_run(struct bench_pools *bench, const struct pool_choice *choice,
                            const struct window *window, struct bench_pool_result *result)
{
    struct pool_layer layer;
    double forward[BENCH_POOLS_MAX_RUNS], backward[BENCH_POOLS_MAX_RUNS];
    TRY(pool_layer_open(choice, window, (int)bench->job.shape[3], bench->backend, &layer));
    enum status status = OK;
    int warm_up = bench->backend->timer ? GPU_WARM_UP : WARM_UP;
    for (int run = -warm_up; run < bench->job.runs; run++) {
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

// By the device itself.
static enum status time_device_copy(const struct bench_pools *bench, void *to, size_t bytes,
                                    double *seconds)
{
    double times[COPY_RUNS], start;
    for (int run = -WARM_UP; run < COPY_RUNS; run++) {
        double time;
        TRY(timer_start(bench, &start));
        TRY(bench->backend->timer->copy(bench->backend, to, bench->memory, bytes));
        TRY(timer_stop(bench, start, &time));
        if (run >= 0) times[run] = time;
    }
    *seconds = median(times, COPY_RUNS);
    return OK;
}

// By all threads, the better kind.
static void time_host_copy(const struct bench_pools *bench, void *to, size_t bytes,
                           double *seconds, const char **kind)
{
    for (int k = 0; k < N_COPY_KINDS; k++) {
        double times[COPY_RUNS];
        for (int run = -1; run < COPY_RUNS; run++) { // the first touches the pages
            double start = clock_seconds();
            copy_blocks(to, bench->memory, bytes, (enum copy_kind)k);
            if (run >= 0) times[run] = clock_seconds() - start;
        }
        double time = median(times, COPY_RUNS);
        if (k > 0 && time >= *seconds) continue;
        *seconds = time;
        *kind = copy_kind_names[k];
    }
}

enum status bench_pools_copy(const struct bench_pools *bench, double *bytes_per_second,
                             const char **kind)
{
    size_t bytes = bench->bytes < COPY_MAX_BYTES ? bench->bytes / 64 * 64 : COPY_MAX_BYTES;
    const struct arena_source *source = &bench->backend->memory;
    enum status status = OK;
    double seconds = 0;
    void *to = source->get(source->context, bytes);
    if (!to) return ERR_MEMORY;
    if (bench->backend->timer) {
        GUARD(time_device_copy(bench, to, bytes, &seconds));
        *kind = "the device's own";
    } else {
        time_host_copy(bench, to, bytes, &seconds, kind);
    }
    *bytes_per_second = 2.0 * (double)bytes / seconds;
done:
    source->put(source->context, to, bytes);
    return status;
}

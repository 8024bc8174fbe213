#include "backbone/pool/soft.h"
#include "backbone/pool/soft_nd_hot.h"
#include "cuda/pool/define.h"

// SoftPool over one and three axes. Windows are read twice rather than held: they have any size.
// Backward first finds what all elements of a window share, then every element gathers.

struct soft_nd_job {
    int n, c;
    int in[3], out[3], kernel[3], stride[3], padding[3]; // depth, height, width
    float log2, lowest, slope;
};

struct soft_nd_range {
    int begin[3], end[3];
};

static struct soft_nd_job soft_nd_job_of(const struct op_call *call)
{
    const struct soft_nd_args *args = (const struct soft_nd_args *)call->args;
    struct soft_nd_job job;
    double values[SOFT_N_VALUES];
    job.n = args->n;
    job.c = args->c;
    memcpy(job.in, args->in, sizeof job.in);
    memcpy(job.out, args->out, sizeof job.out);
    memcpy(job.kernel, args->kernel, sizeof job.kernel);
    memcpy(job.stride, args->stride, sizeof job.stride);
    memcpy(job.padding, args->padding, sizeof job.padding);
    soft_values(args->beta, args->is_detached ? SOFT_DETACHED : SOFT_EXACT, values);
    job.log2 = (float)values[SOFT_LOG2];
    job.lowest = (float)values[SOFT_LOWEST];
    job.slope = (float)values[SOFT_SLOPE];
    return job;
}

static __host__ __device__ inline size_t soft_nd_count(const struct soft_nd_job *job,
                                                       const int sides[3])
{
    return (size_t)job->n * sides[0] * sides[1] * sides[2] * job->c;
}

static __device__ inline struct soft_scale soft_nd_scale(const struct soft_nd_job *job)
{
    struct soft_scale scale = {job->log2, job->lowest};
    return scale;
}

// Splits the number of an element of (n, sides, c): image and channel, at[] along the axes.
static __device__ inline size_t soft_nd_split(const struct soft_nd_job *job, const int sides[3],
                                              size_t i, int at[3], int *channel)
{
    *channel = (int)(i % (unsigned)job->c);
    i /= (unsigned)job->c;
    for (int axis = 2; axis >= 0; axis--) {
        at[axis] = (int)(i % (unsigned)sides[axis]);
        i /= (unsigned)sides[axis];
    }
    return i;
}

static __device__ inline size_t soft_nd_at(const struct soft_nd_job *job, const int sides[3],
                                           size_t image, int d, int h, int w, int channel)
{
    return (((image * sides[0] + d) * sides[1] + h) * sides[2] + w) * job->c + channel;
}

#define SOFT_ND_EACH(range, d, h, w)                                                               \
    for (int d = (range).begin[0]; d < (range).end[0]; d++)                                        \
        for (int h = (range).begin[1]; h < (range).end[1]; h++)                                    \
            for (int w = (range).begin[2]; w < (range).end[2]; w++)

// Maximum m and the sums s and t of the window that result i belongs to.
static __device__ void soft_nd_sums(const struct soft_nd_job *job, const void *x, bool is_bf16,
                                    size_t i, float *m, float *s, float *t)
{
    struct soft_nd_range range;
    struct soft_scale scale = soft_nd_scale(job);
    int at[3], channel;
    size_t image = soft_nd_split(job, job->out, i, at, &channel);
    for (int axis = 0; axis < 3; axis++)
        window_range(at[axis], job->in[axis], job->kernel[axis], job->stride[axis],
                     job->padding[axis], &range.begin[axis], &range.end[axis]);
    *m = pool_load(x,
                   soft_nd_at(job, job->in, image, range.begin[0], range.begin[1], range.begin[2],
                              channel),
                   is_bf16);
    SOFT_ND_EACH(range, d, h, w)
    *m = lane_larger(pool_load(x, soft_nd_at(job, job->in, image, d, h, w, channel), is_bf16), *m);
    *s = *t = 0.0f;
    SOFT_ND_EACH(range, d, h, w)
    {
        float a = pool_load(x, soft_nd_at(job, job->in, image, d, h, w, channel), is_bf16);
        float distance = soft_distance(a, *m, scale), e = soft_term(distance, scale);
        *s += e;
        *t = lane_fma(e, distance, *t);
    }
}

static __global__ void soft_nd_forward_kernel(const struct soft_nd_job job, void *y, const void *x,
                                              bool is_bf16)
{
    for (size_t i = CUDA_FIRST; i < soft_nd_count(&job, job.out); i += CUDA_STEP) {
        float m, s, t;
        soft_nd_sums(&job, x, is_bf16, i, &m, &s, &t);
        pool_store(y, i, soft_value(m, s, t), is_bf16);
    }
}

// Of every window: maximum, g / s and t / s.
static __global__ void soft_nd_shared_kernel(const struct soft_nd_job job, float *shared,
                                             const void *x, bool is_bf16,
                                             const struct pool_gradients grads)
{
    size_t n = soft_nd_count(&job, job.out);
    for (size_t i = CUDA_FIRST; i < n; i += CUDA_STEP) {
        float m, s, t;
        soft_nd_sums(&job, x, is_bf16, i, &m, &s, &t);
        shared[i] = m;
        shared[n + i] = pool_load(grads.dy, i, grads.is_bf16) / s;
        shared[2 * n + i] = t / s;
    }
}

static __global__ void soft_nd_backward_kernel(const struct soft_nd_job job, const float *shared,
                                               const void *x, bool is_bf16,
                                               const struct pool_gradients grads)
{
    size_t n = soft_nd_count(&job, job.out);
    struct soft_scale scale = soft_nd_scale(&job);
    for (size_t i = CUDA_FIRST; i < soft_nd_count(&job, job.in); i += CUDA_STEP) {
        struct soft_nd_range range;
        int at[3], channel;
        size_t image = soft_nd_split(&job, job.in, i, at, &channel);
        float a = pool_load(x, i, is_bf16), sum = 0.0f;
        for (int axis = 0; axis < 3; axis++)
            window_cover(at[axis], job.out[axis], job.kernel[axis], job.stride[axis],
                         job.padding[axis], &range.begin[axis], &range.end[axis]);
        SOFT_ND_EACH(range, d, h, w)
        {
            size_t out = soft_nd_at(&job, job.out, image, d, h, w, channel);
            float distance = soft_distance(a, shared[out], scale);
            float share = soft_term(distance, scale) * shared[n + out];
            sum = lane_fma(share, lane_fma(job.slope, distance - shared[2 * n + out], 1.0f), sum);
        }
        pool_add_dx<1>(&grads, i, &sum, grads.adds);
    }
}

static enum status soft_nd_forward(const struct op_call *call)
{
    struct soft_nd_job job = soft_nd_job_of(call);
    size_t n = soft_nd_count(&job, job.out);
    if (n == 0) return OK;
    CUDA_LAUNCH(soft_nd_forward_kernel, cuda_blocks(n), CUDA_BLOCK, 0, cuda_stream(call), job,
                call->out[0]->data, (const void *)call->in[0]->data,
                call->in[0]->dtype == DTYPE_BF16);
    return cuda_check(call, "soft pooling");
}

static enum status soft_nd_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct soft_nd_job job = soft_nd_job_of(call);
    struct pool_gradients grads = pool_gradients_of(backward);
    size_t n = soft_nd_count(&job, job.out);
    bool is_bf16 = call->in[0]->dtype == DTYPE_BF16;
    const void *x = call->in[0]->data;
    float *shared;
    if (!backward->want[0] || !call->out[0]->grad) return OK;
    if (n == 0) return cuda_zero_wanted(backward);
    TRY(call->backend->scratch(call->backend, 3 * n * sizeof *shared, (void **)&shared));
    CUDA_LAUNCH(soft_nd_shared_kernel, cuda_blocks(n), CUDA_BLOCK, 0, cuda_stream(call), job,
                shared, x, is_bf16, grads);
    CUDA_LAUNCH(soft_nd_backward_kernel, cuda_blocks(soft_nd_count(&job, job.in)), CUDA_BLOCK, 0,
                cuda_stream(call), job, (const float *)shared, x, is_bf16, grads);
    return cuda_check(call, "soft pooling");
}

const struct cuda_pool cuda_pool_soft_nd = {SOFT_ND_NAME, soft_nd_forward, soft_nd_backward};

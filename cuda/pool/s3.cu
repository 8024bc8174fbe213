#include "backbone/pool/s3.h"

#include "backbone/pool/max.h"
#include "base/mem.h"
#include "cuda/pool/define.h"

// The rows and columns of the maximum's map that outputs take are planned by the host, as for the
// CPU. The plan reaches the device as arguments of small kernels: nothing waits, and a captured
// graph holds its own copy.

enum { S3_PIECE = 960 }; // words; arguments of a kernel end at 4096 bytes

struct s3_piece {
    int words[S3_PIECE];
};

// One axis on the device. Output k (samples one after another) takes n[k] positions from first[k]
// on, with the weights from weight[at[k]] on. Backward, position t is taken by entries begin[t] to
// begin[t + 1]: output out[i] of sample[i] with back[i].
struct s3_axis {
    const int *first, *n, *at;
    const float *weight;
    const int *begin, *out, *sample;
    const float *back;
};

struct s3_job {
    struct pool_map map;
    int n_samples, kernel_h, kernel_w;
    struct s3_axis rows, cols;
};

static __global__ void s3_store_kernel(int *to, const __grid_constant__ struct s3_piece piece,
                                       int n)
{
    for (int i = (int)threadIdx.x; i < n; i += (int)blockDim.x) to[i] = piece.words[i];
}

// ---- the plan ----------------------------------------------------------------------------------

struct s3_counts {
    int in, out, n_samples; // of an axis
    int n_taps;
};

static struct s3_counts s3_count(const struct s3_taps *taps, int in, int out, int n_samples)
{
    struct s3_counts counts = {in, out, n_samples, 0};
    for (int k = 0; k < out * n_samples; k++) counts.n_taps += taps[k].n;
    return counts;
}

static size_t s3_words(const struct s3_counts *c)
{
    return (size_t)3 * c->out * c->n_samples + (size_t)c->in + 1 + (size_t)4 * c->n_taps;
}

static int s3_bits(float value)
{
    int bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// Writes an axis to `words` and its addresses in `device`, where they will lie.
static void s3_pack(const struct s3_taps *taps, const struct s3_counts *c, int *words,
                    const int *device, struct s3_axis *axis)
{
    int n_out = c->out * c->n_samples, n_taps = c->n_taps, at = 0;
    int *first = words, *n = first + n_out, *where = n + n_out, *weight = where + n_out;
    int *begin = weight + n_taps, *out = begin + c->in + 1, *sample = out + n_taps;
    int *back = sample + n_taps;
    memset(begin, 0, (size_t)(c->in + 1) * sizeof *begin);
    for (int k = 0; k < n_out; k++) {
        first[k] = taps[k].first;
        n[k] = taps[k].n;
        where[k] = at;
        for (int i = 0; i < taps[k].n; i++) {
            weight[at++] = s3_bits(taps[k].weight[i]);
            begin[taps[k].first + i + 1]++;
        }
    }
    for (int t = 0; t < c->in; t++) begin[t + 1] += begin[t];
    for (int k = n_out - 1; k >= 0; k--) // from the back: entries stay in order
        for (int i = 0; i < taps[k].n; i++) {
            int entry = --begin[taps[k].first + i + 1];
            out[entry] = k % c->out;
            sample[entry] = k / c->out;
            back[entry] = weight[where[k] + i];
        }
    // begin[t + 1] has come down to where position t begins.
    memmove(begin, begin + 1, (size_t)c->in * sizeof *begin);
    begin[c->in] = n_taps;
    axis->first = device;
    axis->n = device + (n - words);
    axis->at = device + (where - words);
    axis->weight = (const float *)(device + (weight - words));
    axis->begin = device + (begin - words);
    axis->out = device + (out - words);
    axis->sample = device + (sample - words);
    axis->back = (const float *)(device + (back - words));
}

static enum status s3_send(const struct op_call *call, int *to, const int *words, size_t n)
{
    struct s3_piece piece;
    for (size_t begin = 0; begin < n; begin += S3_PIECE) {
        int some = (int)(n - begin < S3_PIECE ? n - begin : (size_t)S3_PIECE);
        memset(&piece, 0, sizeof piece);
        memcpy(piece.words, words + begin, (size_t)some * sizeof *words);
        CUDA_LAUNCH(s3_store_kernel, 1, POOL_BLOCK, 0, cuda_stream(call), to + begin, piece, some);
    }
    return cuda_check(call, "pool s3");
}

static enum status s3_send_plan(const struct op_call *call, const struct s3_plan *plan,
                                struct s3_job *job)
{
    struct s3_counts rows = s3_count(plan->rows, job->map.h, job->map.oh, plan->n_samples);
    struct s3_counts cols = s3_count(plan->cols, job->map.w, job->map.ow, plan->n_samples);
    size_t n_rows = s3_words(&rows), n = n_rows + s3_words(&cols);
    void *device;
    TRY(call->backend->scratch(call->backend, n * sizeof(int), &device));
    int *words = (int *)mem_alloc(n, sizeof *words);
    if (!words) return ERR_MEMORY;
    job->n_samples = plan->n_samples;
    job->kernel_h = plan->kernel_h;
    job->kernel_w = plan->kernel_w;
    s3_pack(plan->rows, &rows, words, (const int *)device, &job->rows);
    s3_pack(plan->cols, &cols, words + n_rows, (const int *)device + n_rows, &job->cols);
    enum status status = s3_send(call, (int *)device, words, n);
    mem_free(words);
    return status;
}

static enum status s3_start(const struct op_call *call, struct s3_job *job)
{
    struct s3_plan plan;
    TRY(pool_map_of(call, NULL, &job->map));
    void *memory = mem_alloc(1, s3_plan_bytes(call));
    if (!memory) return ERR_MEMORY;
    enum status status = s3_plan_make(call, memory, &plan);
    if (status == OK) status = s3_send_plan(call, &plan, job);
    mem_free(memory);
    return status;
}

// ---- kernels -----------------------------------------------------------------------------------

// The maximum of the window of M at (t, u), clipped at the map's end, and its place, row-major in
// the kernel.
template <typename T, int N>
static __device__ __forceinline__ void s3_maximum(const struct s3_job *job, const T *x,
                                                  unsigned image, int t, int u, int channel,
                                                  float *maximum, int *place)
{
    const struct pool_map *map = &job->map;
    int rows = map->h - t < job->kernel_h ? map->h - t : job->kernel_h;
    int cols = map->w - u < job->kernel_w ? map->w - u : job->kernel_w;
    const T *first = x + (((size_t)image * map->h + t) * map->w + u) * map->c + channel;
    if (rows == 2 && cols == 2 && job->kernel_w == 2) {
        float a[4][N];
#pragma unroll
        for (int i = 0; i < 4; i++)
            vec_load<N>(a[i], first + ((size_t)(i / 2) * map->w + i % 2) * map->c);
#pragma unroll
        for (int k = 0; k < N; k++) {
            maximum[k] = a[0][k];
            place[k] = 0;
#pragma unroll
            for (int i = 1; i < 4; i++) {
                bool replaces = max_replaces(a[i][k], maximum[k]);
                maximum[k] = replaces ? a[i][k] : maximum[k];
                place[k] = replaces ? i : place[k];
            }
        }
        return;
    }
    for (int i = 0; i < rows * cols; i++) {
        float a[N];
        int here = i / cols * job->kernel_w + i % cols;
        vec_load<N>(a, first + ((size_t)(i / cols) * map->w + i % cols) * map->c);
#pragma unroll
        for (int k = 0; k < N; k++) {
            bool replaces = i == 0 || max_replaces(a[k], maximum[k]);
            maximum[k] = replaces ? a[k] : maximum[k];
            place[k] = replaces ? here : place[k];
        }
    }
}

template <typename T, int N>
static __global__ void __launch_bounds__(POOL_BLOCK)
    s3_forward_kernel(const struct s3_job job, T *y, const T *x)
{
    const struct pool_map *map = &job.map;
    int channel = MAP_VECTOR * N;
    if (channel >= map->c) return;
    for (unsigned i = MAP_FIRST; i < map_windows(map); i += MAP_STEP) {
        unsigned row_of_y = i / (unsigned)map->ow, image = row_of_y / (unsigned)map->oh;
        int ow = (int)(i % (unsigned)map->ow), oh = (int)(row_of_y % (unsigned)map->oh);
        float sum[N], maximum[N];
        int place[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = 0.0f;
        for (int s = 0; s < job.n_samples; s++) {
            int row = s * map->oh + oh, col = s * map->ow + ow;
            for (int r = 0; r < job.rows.n[row]; r++)
                for (int q = 0; q < job.cols.n[col]; q++) {
                    float weight = job.rows.weight[job.rows.at[row] + r] *
                                   job.cols.weight[job.cols.at[col] + q];
                    s3_maximum<T, N>(&job, x, image, job.rows.first[row] + r,
                                     job.cols.first[col] + q, channel, maximum, place);
#pragma unroll
                    for (int k = 0; k < N; k++) sum[k] += maximum[k] * weight;
                }
        }
        vec_store<N>(y + (size_t)i * map->c + channel, sum);
    }
}

// The gradient of M at (t, u).
template <int N>
static __device__ __forceinline__ bool s3_gradient(const struct s3_job *job, unsigned image, int t,
                                                   int u, int channel,
                                                   const struct pool_gradients *grads, float *sum)
{
    const struct pool_map *map = &job->map;
    bool is_any = false;
#pragma unroll
    for (int k = 0; k < N; k++) sum[k] = 0.0f;
    for (int r = job->rows.begin[t]; r < job->rows.begin[t + 1]; r++)
        for (int q = job->cols.begin[u]; q < job->cols.begin[u + 1]; q++) {
            if (job->rows.sample[r] != job->cols.sample[q]) continue;
            float dy[N], weight = job->rows.back[r] * job->cols.back[q];
            size_t out = ((size_t)image * map->oh + job->rows.out[r]) * map->ow + job->cols.out[q];
            pool_load_dy<N>(dy, grads, out * map->c + channel);
            is_any = true;
#pragma unroll
            for (int k = 0; k < N; k++) sum[k] += dy[k] * weight;
        }
    return is_any;
}

// Every element gathers from the windows of M that contain it.
template <typename T, int N>
static __global__ void __launch_bounds__(POOL_BLOCK)
    s3_backward_kernel(const struct s3_job job, const struct pool_gradients grads, const T *x)
{
    const struct pool_map *map = &job.map;
    int channel = MAP_VECTOR * N;
    if (channel >= map->c) return;
    for (unsigned i = MAP_FIRST; i < map_pixels(map); i += MAP_STEP) {
        unsigned row = i / (unsigned)map->w, image = row / (unsigned)map->h;
        int w = (int)(i % (unsigned)map->w), h = (int)(row % (unsigned)map->h);
        float sum[N], g[N], maximum[N];
        int place[N];
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] = 0.0f;
        for (int t = h - job.kernel_h + 1 < 0 ? 0 : h - job.kernel_h + 1; t <= h; t++)
            for (int u = w - job.kernel_w + 1 < 0 ? 0 : w - job.kernel_w + 1; u <= w; u++) {
                if (!s3_gradient<N>(&job, image, t, u, channel, &grads, g)) continue;
                s3_maximum<T, N>(&job, x, image, t, u, channel, maximum, place);
                int here = (h - t) * job.kernel_w + w - u;
#pragma unroll
                for (int k = 0; k < N; k++) sum[k] += place[k] == here ? g[k] : 0.0f;
            }
        pool_add_dx<N>(&grads, (size_t)i * map->c + channel, sum, grads.adds);
    }
}

template <typename T, int N> static void s3_launch_y(const struct op_call *call, struct s3_job *job)
{
    struct map_grid grid = map_grid_of(job->map.c / N, map_windows(&job->map), INT32_MAX);
    CUDA_LAUNCH((s3_forward_kernel<T, N>), grid.grid, grid.block, 0, cuda_stream(call), *job,
                (T *)call->out[0]->data, (const T *)call->in[0]->data);
}

static enum status s3_forward(const struct op_call *call)
{
    struct s3_job job;
    if (tensor_count(call->out[0]) == 0) return OK;
    TRY(s3_start(call, &job));
    VEC_DTYPE(call->in[0]->dtype, T, {
        if (job.map.c % vec_width<T>::value == 0)
            s3_launch_y<T, vec_width<T>::value>(call, &job);
        else
            s3_launch_y<T, 1>(call, &job);
    });
    return cuda_check(call, "pool s3");
}

template <typename T, int N>
static void s3_launch_dx(const struct op_backward_call *backward, struct s3_job *job)
{
    const struct op_call *call = backward->forward;
    struct map_grid grid = map_grid_of(job->map.c / N, map_pixels(&job->map), INT32_MAX);
    struct pool_gradients grads = pool_gradients_of(backward);
    CUDA_LAUNCH((s3_backward_kernel<T, N>), grid.grid, grid.block, 0, cuda_stream(call), *job,
                grads, (const T *)call->in[0]->data);
}

static enum status s3_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    struct s3_job job;
    if (!backward->want[0] || !call->out[0]->grad) return OK;
    if (tensor_count(call->out[0]) == 0) return cuda_zero_wanted(backward);
    TRY(s3_start(call, &job));
    VEC_DTYPE(call->in[0]->dtype, T, {
        if (job.map.c % vec_width<T>::value == 0)
            s3_launch_dx<T, vec_width<T>::value>(backward, &job);
        else
            s3_launch_dx<T, 1>(backward, &job);
    });
    return cuda_check(call, "pool s3");
}

POOL_CUDA(s3, s3_forward, s3_backward)

#include <omp.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/map_hot.h"
#include "nn/ops_map.h"

// The filter is separable, and along an axis it is a sparse matrix; the gradient is its transpose.
// One routine applies both: first rows are mixed into a line, then the line's columns.

// The binomial coefficients of one row of Pascal's triangle, divided by their sum.
static void coefficients(int size, float weight[BLUR_MAX_SIZE])
{
    float c = 1.0f, sum = (float)(1 << (size - 1));
    for (int i = 0; i < size; i++) {
        weight[i] = c / sum;
        c = c * (float)(size - 1 - i) / (float)(i + 1);
    }
}

// Reflection at the outermost elements, as often as it takes.
static int reflect(int i, int n)
{
    int period = 2 * (n - 1);
    if (n == 1) return 0;
    i = i < 0 ? -i % period : i % period;
    return i < n ? i : period - i;
}

static size_t axis_bytes(int n_in, int n_out, int size)
{
    int n = n_in > n_out ? n_in : n_out;
    return scratch_round((size_t)(n + 1) * sizeof(int)) +
           2 * scratch_round((size_t)n_out * (size_t)size * sizeof(float));
}

// Entries of every output position, or with `transposed` of every input position.
static struct sparse_axis axis_build(int n_in, int n_out, int size, int stride, bool transposed,
                                     char **scratch)
{
    int n = transposed ? n_in : n_out, n_entries = n_out * size;
    float weight[BLUR_MAX_SIZE];
    int *begin = (int *)scratch_cut(scratch, (size_t)(n + 1) * sizeof *begin);
    int *index = (int *)scratch_cut(scratch, (size_t)n_entries * sizeof *index);
    float *weights = (float *)scratch_cut(scratch, (size_t)n_entries * sizeof *weights);
    coefficients(size, weight);
    memset(begin, 0, (size_t)(n + 1) * sizeof *begin);
    for (int out = 0; out < n_out; out++)
        for (int i = 0; i < size; i++) {
            int in = reflect(out * stride - (size - 1) / 2 + i, n_in);
            begin[(transposed ? in : out) + 1]++;
        }
    for (int i = 0; i < n; i++) begin[i + 1] += begin[i];
    for (int out = n_out - 1; out >= 0; out--) // from the back: entries stay in order
        for (int i = size - 1; i >= 0; i--) {
            int in = reflect(out * stride - (size - 1) / 2 + i, n_in);
            int at = --begin[(transposed ? in : out) + 1];
            index[at] = transposed ? out : in;
            weights[at] = weight[i];
        }
    // begin[i + 1] has come down to where position i begins.
    memmove(begin, begin + 1, (size_t)n * sizeof *begin);
    begin[n] = n_entries;
    struct sparse_axis axis = {begin, index, weights};
    return axis;
}

struct sides {
    int h, w; // rows and columns
};

static enum status apply(const struct op_call *call, const float *from, struct sides in, float *to,
                         struct sides out, bool adds, bool transposed)
{
    const struct blur_args *args = (const struct blur_args *)call->args;
    struct sides x = transposed ? out : in, y = transposed ? in : out;
    int64_t n_images = call->in[0]->shape[0];
    int c = (int)call->in[0]->shape[3], n_threads = omp_get_max_threads();
    size_t line_floats = (size_t)in.w * (size_t)c;
    size_t line_bytes = scratch_round(line_floats * sizeof(float));
    void *memory;
    TRY(call->backend->scratch(call->backend,
                               axis_bytes(x.h, y.h, args->size) + axis_bytes(x.w, y.w, args->size) +
                                   (size_t)n_threads * line_bytes,
                               &memory));
    char *scratch = (char *)memory;
    struct sparse_axis rows =
        axis_build(x.h, y.h, args->size, args->stride_h, transposed, &scratch);
    struct sparse_axis cols =
        axis_build(x.w, y.w, args->size, args->stride_w, transposed, &scratch);
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int64_t i = 0; i < n_images * out.h; i++) {
        int h = (int)(i % out.h);
        const float *image = from + (size_t)(i / out.h) * (size_t)in.h * line_floats;
        float *line = (float *)(void *)(scratch + (size_t)omp_get_thread_num() * line_bytes);
        if (rows.begin[h] == rows.begin[h + 1]) memset(line, 0, line_bytes);
        for (int k = rows.begin[h]; k < rows.begin[h + 1]; k++) {
            const float *row = image + (size_t)rows.index[k] * line_floats;
            ISA_PICK(map_add)(line, row, rows.weight[k], k > rows.begin[h], line_floats);
        }
        ISA_PICK(sparse_line)
        (&cols, line, to + (size_t)i * (size_t)out.w * (size_t)c, adds, out.w, c);
    }
    return OK;
}

static struct sides sides_of(const struct tensor *t)
{
    struct sides s = {(int)t->shape[1], (int)t->shape[2]};
    return s;
}

enum status cpu_blur_forward(const struct op_call *call)
{
    return apply(call, (const float *)call->in[0]->data, sides_of(call->in[0]),
                 (float *)call->out[0]->data, sides_of(call->out[0]), false, false);
}

enum status cpu_blur_backward(const struct op_backward_call *backward)
{
    const struct op_call *call = backward->forward;
    if (!backward->want[0]) return OK;
    return apply(call, (const float *)call->out[0]->grad, sides_of(call->out[0]),
                 (float *)call->in[0]->grad, sides_of(call->in[0]), backward->beta[0] != 0.0f,
                 true);
}

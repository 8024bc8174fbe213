#include <assert.h>
#include <omp.h>
#include <string.h>

#include "cpu/kernels.h"
#include "cpu/map_hot.h"
#include "nn/ops_map.h"

enum { PIECE = 32 };

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
    for (int i = 0; i < n; i++) assert(begin[i + 1] - begin[i] <= SPARSE_MAX_ENTRIES);
    struct sparse_axis axis = {begin, index, weights};
    return axis;
}

struct sides {
    int h, w; // rows and columns
};

// One row of the result, in pieces so short that the mixed line stays in the first-level cache.
static void apply_row(const struct sparse_axis *rows, const struct sparse_axis *cols, int h,
                      const float *image, int in_w, float *to, int out_w, int c, bool adds,
                      float *line)
{
    size_t row_floats = (size_t)in_w * (size_t)c;
    for (int begin = 0; begin < out_w; begin += PIECE) {
        int end = begin + PIECE < out_w ? begin + PIECE : out_w, first = in_w, last = -1;
        for (int k = cols->begin[begin]; k < cols->begin[end]; k++) {
            first = cols->index[k] < first ? cols->index[k] : first;
            last = cols->index[k] > last ? cols->index[k] : last;
        }
        size_t n = last < first ? 0 : (size_t)(last + 1 - first) * (size_t)c;
        const float *from[SPARSE_MAX_ENTRIES];
        int entry = rows->begin[h], n_rows = rows->begin[h + 1] - entry;
        for (int k = 0; k < n_rows; k++)
            from[k] =
                image + (size_t)rows->index[entry + k] * row_floats + (size_t)first * (size_t)c;
        ISA_PICK(map_mix)(line, from, rows->weight + entry, n_rows, false, n);
        ISA_PICK(sparse_line)(cols, line, first, to, adds, begin, end, c);
    }
}

static enum status apply(const struct op_call *call, const float *from, struct sides in, float *to,
                         struct sides out, bool adds, bool transposed)
{
    const struct blur_args *args = (const struct blur_args *)call->args;
    struct sides x = transposed ? out : in, y = transposed ? in : out;
    int64_t n_images = call->in[0]->shape[0];
    int c = (int)call->in[0]->shape[3], n_threads = omp_get_max_threads();
    size_t in_row = (size_t)in.w * (size_t)c, out_row = (size_t)out.w * (size_t)c;
    size_t line_bytes = scratch_round(in_row * sizeof(float)); // a piece may need all of it
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
        float *line = (float *)(void *)(scratch + (size_t)omp_get_thread_num() * line_bytes);
        const float *image = from + (size_t)(i / out.h) * (size_t)in.h * in_row;
        apply_row(&rows, &cols, (int)(i % out.h), image, in.w, to + (size_t)i * out_row, out.w, c,
                  adds, line);
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

#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "tests/ops/checks.h"

// Everything that one run of a case produces: outputs, changed inputs, gradients.
struct results {
    int n;
    struct {
        char *bytes;
        size_t n_bytes;
        int number;
        bool is_gradient, is_changed_input;
    } items[2 * OP_MAX_IN + OP_MAX_OUT];
};

static void add(struct results *r, void *bytes, size_t n_bytes, int number, bool is_gradient,
                bool is_changed_input)
{
    int k = r->n++;
    r->items[k].bytes = (char *)bytes;
    r->items[k].n_bytes = n_bytes;
    r->items[k].number = number;
    r->items[k].is_gradient = is_gradient;
    r->items[k].is_changed_input = is_changed_input;
}

static void results_free(struct results *r)
{
    for (int i = 0; i < r->n; i++) mem_free(r->items[i].bytes);
}

static void collect(struct backend *backend, enum op op, const struct op_case *c,
                    const struct case_data data[OP_MAX_IN], const float *dy, struct results *r)
{
    const struct op_cases *cases = op_case_table[op];
    struct op_run run;
    r->n = 0;
    run_case(&run, backend, op, c, data);
    for (int i = 0; i < run.n_out; i++)
        add(r, op_run_output(&run, i), run.out_data[i].bytes, i, false, false);
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!run.has_in[i] || !(cases->in_place >> i & 1u)) continue;
        void *bytes = mem_alloc(1, run.in_data[i].bytes);
        guarded_download(&run.in_data[i], bytes);
        add(r, bytes, run.in_data[i].bytes, i, false, true);
    }
    unsigned want = 0;
    for (int i = 0; i < OP_MAX_IN; i++)
        if (run.has_in[i] && run.in[i].needs_grad) want |= 1u << i;
    if (op_has_gradient[op] && want) {
        float *drawn = dy ? NULL : draw_floats(tensor_count(run.out[0]), 42, c->name);
        cr_assert_eq(op_run_backward(&run, want, dy ? dy : drawn, NULL), OK, "%s", fail_message());
        mem_free(drawn);
        for (int i = 0; i < OP_MAX_IN; i++)
            if (want >> i & 1u)
                add(r, op_run_gradient(&run, i), tensor_count(&run.in[i]) * sizeof(float), i, true,
                    false);
    }
    op_run_free(&run);
}

void check_repeats(struct backend *backend, enum op op, const struct op_case *c)
{
    struct case_data data[OP_MAX_IN];
    struct results first, second;
    case_data_draw(op_case_table[op], c, data);
    collect(backend, op, c, data, NULL, &first);
    collect(backend, op, c, data, NULL, &second);
    for (int i = 0; i < first.n; i++)
        cr_expect(memcmp(first.items[i].bytes, second.items[i].bytes, first.items[i].n_bytes) == 0,
                  "%s \"%s\": two runs give different bits in %s %d", op_names[op], c->name,
                  first.items[i].is_gradient ? "the gradient of input" : "output",
                  first.items[i].number);
    results_free(&first);
    results_free(&second);
    case_data_free(data);
}

static int64_t count_images(const struct op_cases *cases, const struct op_case *c)
{
    for (int i = 0; i < OP_MAX_IN; i++)
        if (c->in[i].rank > 0 && (cases->batched_in >> i & 1u)) return c->in[i].shape[0];
    return 1;
}

// What the batch's result number k should be, joined from the results of its images.
static void expect_joined(enum op op, const struct op_case *c, const struct results *batch,
                          const struct results *images, int64_t n_images, int k)
{
    const struct op_cases *cases = op_case_table[op];
    int number = batch->items[k].number;
    bool is_gradient = batch->items[k].is_gradient;
    unsigned split = is_gradient ? cases->batched_in : cases->batched_out;
    size_t n = batch->items[k].n_bytes / sizeof(float);
    double *wanted = (double *)mem_alloc(n, sizeof *wanted);
    bool is_split = split >> number & 1u;
    bool is_mean = !is_gradient && (cases->mean_out >> number & 1u);
    if (!is_split && !is_mean && !is_gradient) {
        mem_free(wanted);
        return;
    }
    // Where the output is a mean, each image's own dy is the batch's divided by the images.
    double factor = is_mean || (is_gradient && (cases->mean_out & 1u)) ? 1.0 / (double)n_images : 1.0;
    for (int64_t image = 0; image < n_images; image++) {
        const float *part = (const float *)images[image].items[k].bytes;
        size_t n_part = images[image].items[k].n_bytes / sizeof(float);
        for (size_t j = 0; j < n_part; j++)
            wanted[is_split ? (size_t)image * n_part + j : j] += factor * (double)part[j];
    }
    double tolerance = c->tolerance > 0.0 ? c->tolerance : 1e-5;
    int64_t at = first_difference((const float *)batch->items[k].bytes, wanted, n, tolerance);
    cr_expect(at < 0, "%s \"%s\": %s %d of the batch differs from its images at element %lld: %.9g, not %.9g",
              op_names[op], c->name, is_gradient ? "gradient of input" : "output", number,
              (long long)at, (double)((const float *)batch->items[k].bytes)[at < 0 ? 0 : at],
              wanted[at < 0 ? 0 : at]);
    mem_free(wanted);
}

void check_batch(struct backend *backend, enum op op, const struct op_case *c)
{
    const struct op_cases *cases = op_case_table[op];
    int64_t n_images = count_images(cases, c);
    enum { MAX_IMAGES = 8 };
    if (c->whole_batch || c->is_list || n_images < 2 || n_images > MAX_IMAGES) return;
    struct case_data data[OP_MAX_IN], image[OP_MAX_IN];
    struct op_run shape;
    case_data_draw(cases, c, data);
    cr_assert_eq(op_run_infer(&shape, backend, op, data, c), OK);
    size_t n_dy = shape.n_out > 0 ? tensor_count(shape.out[0]) : 0;
    bool is_split = cases->batched_out & 1u;
    enum dtype dtypes[OP_MAX_OUT];
    for (int i = 0; i < shape.n_out; i++) dtypes[i] = shape.out[i]->dtype;
    op_run_free(&shape);

    float *dy = draw_floats(n_dy, 42, c->name);
    struct results batch, images[MAX_IMAGES];
    collect(backend, op, c, data, dy, &batch);
    for (int64_t k = 0; k < n_images; k++) {
        case_data_image(cases, data, k, image);
        collect(backend, op, c, image, dy + (is_split ? (size_t)k * (n_dy / (size_t)n_images) : 0),
                &images[k]);
    }
    for (int k = 0; k < batch.n; k++) {
        if (batch.items[k].is_changed_input) continue;
        if (!batch.items[k].is_gradient && dtypes[batch.items[k].number] != DTYPE_F32) {
            size_t bytes = images[0].items[k].n_bytes;
            if (!(cases->batched_out >> batch.items[k].number & 1u)) continue;
            for (int64_t i = 0; i < n_images; i++)
                cr_expect(memcmp(batch.items[k].bytes + (size_t)i * bytes, images[i].items[k].bytes,
                                 bytes) == 0,
                          "%s \"%s\": output %d of the batch differs from image %lld alone",
                          op_names[op], c->name, batch.items[k].number, (long long)i);
            continue;
        }
        expect_joined(op, c, &batch, images, n_images, k);
    }
    results_free(&batch);
    for (int64_t k = 0; k < n_images; k++) results_free(&images[k]);
    mem_free(dy);
    case_data_free(data);
}

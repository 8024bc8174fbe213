#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "tests/ops/checks.h"

// Single elements that are checked for each input, beside directions that move all of them.
enum { MAX_ELEMENTS = 12, N_DIRECTIONS = 3 };
static const double step = 1e-5; // of inputs about 1; the reference is in double

struct problem {
    const struct op_cases *cases;
    const struct op_case *c;
    const struct case_data *data;
    const float *dy;
    bool is_bf16; // the gradients: they keep eight bits
};

// <reference(in + h * direction of input i), dy>
static double projected(const struct problem *p, int i, const double *direction, double h)
{
    struct ref in[OP_MAX_IN], out[OP_MAX_OUT] = {0};
    refs_from(p->data, in);
    for (size_t j = 0; j < ref_count(&in[i]); j++) in[i].v[j] += h * direction[j];
    refs_of_case(p->cases, p->c, in, out);
    double sum = 0.0;
    for (size_t j = 0; j < ref_count(&out[0]); j++) sum += out[0].v[j] * (double)p->dy[j];
    refs_free(in, OP_MAX_IN);
    refs_free(out, OP_MAX_OUT);
    return sum;
}

static double slope(const struct problem *p, int i, const double *direction)
{
    return (projected(p, i, direction, step) - projected(p, i, direction, -step)) / (2.0 * step);
}

static double gradient_tolerance(const struct problem *p)
{
    double rounding = p->is_bf16 ? 0x1p-7 : 0.0;
    if (p->c->tolerance > 0.0) return p->c->tolerance + rounding;
    return (p->cases->gradient_tolerance > 0.0 ? p->cases->gradient_tolerance : 1e-5) + rounding;
}

// Gradients of layer-wide inputs are sums over outputs; each term (dy is below 1) has its own
// rounding error, whatever is left of the sum.
static double rounding_of(size_t n_in, size_t n_out)
{
    return n_out > n_in ? 3e-7 * sqrt((double)n_out / (double)n_in) : 0.0;
}

static void compare_elements(const struct problem *p, int i, const float *gradient, size_t n,
                             size_t n_out, const char *op)
{
    double rounding = 1e-9 + rounding_of(n, n_out);
    double *direction = (double *)mem_alloc(n, sizeof *direction), squares = 0.0;
    for (size_t j = 0; j < n; j++) squares += (double)gradient[j] * (double)gradient[j];
    double rms = sqrt(squares / (double)n), tolerance = gradient_tolerance(p);
    struct rng rng;
    rng_start(&rng, 11, RNG_TEST, (uint32_t)i);
    size_t n_checked = n < MAX_ELEMENTS ? n : MAX_ELEMENTS;
    for (size_t k = 0; k < n_checked; k++) {
        size_t j = n <= MAX_ELEMENTS ? k : rng_below(&rng, (uint32_t)n);
        direction[j] = 1.0;
        double wanted = slope(p, i, direction), got = (double)gradient[j];
        direction[j] = 0.0;
        if (fabs(got - wanted) <= tolerance * (fabs(wanted) + rms) + rounding) continue;
        cr_expect(false, "%s \"%s\": gradient of input %d, element %zu is %.9g, not %.9g", op,
                  p->c->name, i, j, got, wanted);
        break;
    }
    for (int k = 0; k < N_DIRECTIONS; k++) {
        double got = 0.0, size = 0.0;
        for (size_t j = 0; j < n; j++) {
            direction[j] = rng_double(&rng) * 2.0 - 1.0;
            got += direction[j] * (double)gradient[j];
            size += fabs(direction[j] * (double)gradient[j]);
        }
        double wanted = slope(p, i, direction);
        cr_expect(fabs(got - wanted) <= tolerance * size + rounding * sqrt((double)n),
                  "%s \"%s\": gradient of input %d along direction %d is %.9g, not %.9g", op,
                  p->c->name, i, k, got, wanted);
    }
    mem_free(direction);
}

static void cut_to_bf16(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) values[i] = bf16_value(bf16_cut(values[i]));
}

// Wanted alone and added to what is there, a gradient is the same.
static void compare_beta(struct op_run *run, const struct problem *p, int i, const float *gradient,
                         const char *op)
{
    size_t n = tensor_count(&run->in[i]);
    float *initial[OP_MAX_IN] = {0};
    initial[i] = draw_floats(n, (uint32_t)i + 50, p->c->name);
    if (p->is_bf16) cut_to_bf16(initial[i], n);
    double *wanted = (double *)mem_alloc(n, sizeof *wanted);
    for (size_t j = 0; j < n; j++) wanted[j] = (double)initial[i][j] + (double)gradient[j];
    cr_assert_eq(op_run_backward(run, 1u << i, p->dy, initial), OK, "%s", fail_message());
    float *got = op_run_gradient(run, i);
    int64_t at = first_difference(got, wanted, n, gradient_tolerance(p));
    cr_expect(at < 0, "%s \"%s\": gradient of input %d with beta 1, element %lld is %.9g, not %.9g",
              op, p->c->name, i, (long long)at, (double)got[at < 0 ? 0 : at],
              wanted[at < 0 ? 0 : at]);
    mem_free(got);
    mem_free(wanted);
    mem_free(initial[i]);
}

static unsigned wanted_inputs(const struct op_run *run)
{
    unsigned want = 0;
    for (int i = 0; i < OP_MAX_IN; i++)
        if (run->has_in[i] && run->in[i].needs_grad) want |= 1u << i;
    return want;
}

void check_gradient(struct backend *backend, enum op op, const struct op_case *c)
{
    const struct op_cases *cases = op_case_table[op];
    struct case_data data[OP_MAX_IN];
    struct op_run run;
    case_data_draw(cases, c, data);
    run_case(&run, backend, op, c, data);
    size_t n_out = tensor_count(run.out[0]);
    float *dy = draw_floats(n_out, 40, c->name);
    bool is_bf16 = run.out[0]->grad_dtype == DTYPE_BF16;
    if (is_bf16) cut_to_bf16(dy, n_out);
    struct problem problem = {cases, c, data, dy, is_bf16};
    unsigned want = wanted_inputs(&run);
    cr_assert_eq(op_run_backward(&run, want, dy, NULL), OK, "%s \"%s\": %s", op_names[op], c->name,
                 fail_message());
    float *gradients[OP_MAX_IN] = {0};
    for (int i = 0; i < OP_MAX_IN; i++)
        if (want >> i & 1u) gradients[i] = op_run_gradient(&run, i);
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!gradients[i]) continue;
        compare_elements(&problem, i, gradients[i], tensor_count(&run.in[i]), n_out,
                         op_names[op]);
        compare_beta(&run, &problem, i, gradients[i], op_names[op]);
        mem_free(gradients[i]);
    }
    const char *damage = op_run_damage(&run, data, cases->in_place);
    cr_expect(!damage, "%s \"%s\": backward overwrote %s", op_names[op], c->name, damage);
    mem_free(dy);
    op_run_free(&run);
    case_data_free(data);
}

void check_adjoint(struct backend *backend, enum op op, const struct op_case *c)
{
    const struct op_cases *cases = op_case_table[op];
    if (!c->linear) return;
    struct case_data data[OP_MAX_IN];
    struct op_run run;
    case_data_draw(cases, c, data);
    run_case(&run, backend, op, c, data);
    size_t n_out = tensor_count(run.out[0]);
    float *dy = draw_floats(n_out, 41, c->name), *y = (float *)op_run_output(&run, 0);
    double forward = 0.0, size = 0.0;
    for (size_t j = 0; j < n_out; j++) {
        forward += (double)y[j] * (double)dy[j];
        size += fabs((double)y[j] * (double)dy[j]);
    }
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!(c->linear >> i & 1u)) continue;
        cr_assert_eq(op_run_backward(&run, 1u << i, dy, NULL), OK, "%s", fail_message());
        float *dx = op_run_gradient(&run, i);
        double backward = 0.0;
        for (size_t j = 0; j < tensor_count(&run.in[i]); j++)
            backward += (double)dx[j] * (double)((const float *)data[i].values)[j];
        cr_expect(fabs(forward - backward) <= 1e-6 * size,
                  "%s \"%s\": <Ax,y> = %.9g but <x,A'y> = %.9g for input %d", op_names[op],
                  c->name, forward, backward, i);
        mem_free(dx);
    }
    mem_free(y);
    mem_free(dy);
    op_run_free(&run);
    case_data_free(data);
}

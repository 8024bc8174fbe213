// Activations in bf16: what the kernels give equals what they give in f32 for the same, rounded
// values, but for the rounding of results. f32 is what the table of cases compares with references.
// Convolutions are not among them: what they store before the epilogue is rounded as well, so that
// relu decides otherwise near 0.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "cuda/backend.h"
#include "tests/ops/checks.h"

// As masks of inputs: activations, and what the operation rounds to bf16 for itself.
static const struct narrow_op {
    enum op op;
    unsigned activations, rounded;
} table[] = {
    {OP_relu, 1u, 0},
    {OP_upsample_add, 3u, 0},
    {OP_batch_norm, 1u | 1u << 5, 0},
    {OP_group_norm, 1u | 1u << 3, 0},
    {OP_linear, 1u, 2u},
    {OP_conv_transpose, 1u, 2u},
    {OP_roi_align, 0xF0u, 0},
};

static void cut(float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) values[i] = bf16_value(bf16_cut(values[i]));
}

// wide: f32 data, rounded in place where it is an activation; narrow: the same values in bf16.
static void make_narrow(const struct narrow_op *op, struct case_data wide[OP_MAX_IN],
                        struct case_data narrow[OP_MAX_IN])
{
    memcpy(narrow, wide, OP_MAX_IN * sizeof *narrow);
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!((op->activations | op->rounded) >> i & 1u) || wide[i].spec.rank == 0) continue;
        size_t n = case_input_count(&wide[i].spec);
        float *values = (float *)wide[i].values;
        cut(values, n);
        if (!(op->activations >> i & 1u)) continue;
        uint16_t *halves = (uint16_t *)mem_alloc(n, sizeof *halves);
        for (size_t j = 0; j < n; j++) halves[j] = bf16_cut(values[j]);
        narrow[i].spec.dtype = DTYPE_BF16;
        narrow[i].values = halves;
    }
}

static void expect_close(const float *got, const float *wanted, size_t n, bool is_rounded,
                         const char *op, const char *name, const char *what, int number)
{
    double *exact = (double *)mem_alloc(n, sizeof *exact);
    for (size_t i = 0; i < n; i++) exact[i] = (double)wanted[i];
    int64_t at = first_difference(got, exact, n, is_rounded ? 0x1p-7 : 1e-5);
    cr_expect(at < 0, "%s \"%s\" in bf16: %s %d: element %lld is %.9g, not %.9g", op, name, what,
              number, (long long)at, (double)got[at < 0 ? 0 : at], (double)wanted[at < 0 ? 0 : at]);
    mem_free(exact);
}

static void compare_outputs(const struct op_run *narrow, const struct op_run *wide,
                            const char *name)
{
    for (int i = 0; i < narrow->n_out; i++) {
        size_t n = tensor_count(narrow->out[i]);
        bool is_bf16 = narrow->out[i]->dtype == DTYPE_BF16;
        if (!is_bf16 && narrow->out[i]->dtype != DTYPE_F32) continue;
        void *got = op_run_output(narrow, i);
        float *wanted = (float *)op_run_output(wide, i);
        float *values = (float *)mem_alloc(n, sizeof *values);
        for (size_t j = 0; j < n; j++)
            values[j] = is_bf16 ? bf16_value(((uint16_t *)got)[j]) : ((float *)got)[j];
        expect_close(values, wanted, n, is_bf16, op_names[narrow->op], name, "output", i);
        mem_free(values);
        mem_free(got);
        mem_free(wanted);
    }
}

static void compare_gradients(struct op_run *narrow, struct op_run *wide, bool adds,
                              const char *name)
{
    float *initial[OP_MAX_IN] = {0};
    unsigned want = 0;
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!narrow->has_in[i] || !narrow->in[i].needs_grad) continue;
        want |= 1u << i;
        if (!adds) continue;
        initial[i] = draw_floats(tensor_count(&narrow->in[i]), (uint32_t)i + 50, name);
        cut(initial[i], tensor_count(&narrow->in[i]));
    }
    float *dy = draw_floats(tensor_count(narrow->out[0]), 40, name);
    cut(dy, tensor_count(narrow->out[0]));
    cr_assert_eq(op_run_backward(narrow, want, dy, initial), OK, "%s", fail_message());
    cr_assert_eq(op_run_backward(wide, want, dy, initial), OK, "%s", fail_message());
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!(want >> i & 1u)) continue;
        float *got = op_run_gradient(narrow, i), *wanted = op_run_gradient(wide, i);
        expect_close(got, wanted, tensor_count(&narrow->in[i]), true, op_names[narrow->op], name,
                     adds ? "gradient with beta 1 of input" : "gradient of input", i);
        mem_free(got);
        mem_free(wanted);
        mem_free(initial[i]);
    }
    mem_free(dy);
}

static void check_bf16(const struct narrow_op *narrow_op, const struct op_case *c)
{
    enum op op = narrow_op->op;
    struct case_data wide[OP_MAX_IN], narrow[OP_MAX_IN];
    struct op_run run_wide, run_narrow;
    struct backend *backends[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(backend_create_cuda(0, &backends[i]), OK, "%s", fail_message());
    backends[1]->bf16 = true;
    case_data_draw(op_case_table[op], c, wide);
    make_narrow(narrow_op, wide, narrow);
    run_case(&run_wide, backends[0], op, c, wide);
    run_case(&run_narrow, backends[1], op, c, narrow);
    compare_outputs(&run_narrow, &run_wide, c->name);
    compare_gradients(&run_narrow, &run_wide, false, c->name);
    compare_gradients(&run_narrow, &run_wide, true, c->name);
    const char *damage = op_run_damage(&run_narrow, narrow, op_case_table[op]->in_place);
    cr_expect(!damage, "%s \"%s\" in bf16 overwrote %s", op_names[op], c->name, damage);
    op_run_free(&run_wide);
    op_run_free(&run_narrow);
    for (int i = 0; i < OP_MAX_IN; i++)
        if (narrow[i].values != wide[i].values) mem_free(narrow[i].values);
    case_data_free(wide);
    for (int i = 0; i < 2; i++) backend_destroy(backends[i]);
}

Test(emulator_bf16, results_are_those_of_f32_rounded)
{
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        const struct op_cases *cases = op_case_table[table[k].op];
        for (size_t i = 0; i < cases->n_cases; i++)
            check_bf16(&table[k], &cases->cases[i]);
    }
}

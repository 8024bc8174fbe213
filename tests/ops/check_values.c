#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "tests/ops/checks.h"

static void ref_from_bytes(const struct case_data *data, struct ref *ref)
{
    ref_shape(ref, data->spec.rank, data->spec.shape);
    for (size_t i = 0; i < ref_count(ref); i++)
        ref->v[i] = (double)((const uint8_t *)data->values)[i];
}

void refs_from(const struct case_data data[OP_MAX_IN], struct ref in[OP_MAX_IN])
{
    memset(in, 0, OP_MAX_IN * sizeof *in);
    for (int i = 0; i < OP_MAX_IN; i++) {
        const struct case_data *d = &data[i];
        if (d->spec.rank == 0) continue;
        if (d->spec.dtype == DTYPE_U8) {
            ref_from_bytes(d, &in[i]);
            continue;
        }
        ref_shape(&in[i], d->spec.rank, d->spec.shape);
        for (size_t j = 0; j < ref_count(&in[i]); j++)
            in[i].v[j] = d->spec.dtype == DTYPE_F32 ? (double)((const float *)d->values)[j]
                         : d->spec.dtype == DTYPE_BF16
                             ? (double)bf16_value(((const uint16_t *)d->values)[j])
                             : (double)((const int32_t *)d->values)[j];
    }
}

void refs_of_case(const struct op_cases *cases, const struct op_case *c, struct ref *in,
                  struct ref *out)
{
    cases->reference(c, in, out);
    if (!c->is_list || out[0].rank == 0) return;
    size_t row = ref_count(&out[0]) / (size_t)out[0].shape[0];
    for (size_t j = row * (size_t)c->n_valid; j < ref_count(&out[0]); j++) out[0].v[j] = 0.0;
}

void refs_free(struct ref *refs, int n)
{
    for (int i = 0; i < n; i++) {
        mem_free(refs[i].v);
        refs[i].v = NULL;
    }
}

void run_case(struct op_run *run, struct backend *backend, enum op op, const struct op_case *c,
              const struct case_data data[OP_MAX_IN])
{
    enum status status = op_run_infer(run, backend, op, data, c);
    cr_assert_eq(status, OK, "%s on %s, \"%s\": refused: %s", op_names[op], backend->name, c->name,
                 fail_message());
    op_run_allocate(run, data, c);
    status = op_run_forward(run);
    cr_assert_eq(status, OK, "%s on %s, \"%s\": forward: %s", op_names[op], backend->name, c->name,
                 fail_message());
}

static double tolerance_of(enum op op, const struct op_case *c)
{
    if (c->tolerance > 0.0) return c->tolerance;
    return op_case_table[op]->tolerance > 0.0 ? op_case_table[op]->tolerance : 1e-5;
}

static void compare(const struct tensor *shape, const void *got, const struct ref *wanted,
                    enum op op, const struct op_case *c, const char *what, int number)
{
    cr_expect_eq(shape->rank, wanted->rank, "%s \"%s\": %s %d has rank %d, not %d", op_names[op],
                 c->name, what, number, shape->rank, wanted->rank);
    for (int i = 0; i < wanted->rank; i++)
        cr_assert_eq(shape->shape[i], wanted->shape[i],
                     "%s \"%s\": %s %d: dimension %d is %lld, not %lld", op_names[op], c->name,
                     what, number, i, (long long)shape->shape[i], (long long)wanted->shape[i]);
    size_t n = ref_count(wanted);
    if (shape->dtype == DTYPE_F32 || shape->dtype == DTYPE_BF16) {
        bool is_bf16 = shape->dtype == DTYPE_BF16;
        float *values = (float *)mem_alloc(n, sizeof *values);
        for (size_t i = 0; i < n; i++)
            values[i] = is_bf16 ? bf16_value(((const uint16_t *)got)[i]) : ((const float *)got)[i];
        // bf16 keeps eight bits: half a unit of the last is up to 2^-8.
        double tolerance = tolerance_of(op, c) + (is_bf16 ? 0x1p-8 : 0.0);
        int64_t at = first_difference(values, wanted->v, n, tolerance);
        cr_expect(at < 0, "%s \"%s\": %s %d: element %lld is %.9g, not %.9g", op_names[op],
                  c->name, what, number, (long long)at, (double)values[at < 0 ? 0 : at],
                  wanted->v[at < 0 ? 0 : at]);
        mem_free(values);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int value = shape->dtype == DTYPE_U8 ? ((const uint8_t *)got)[i] : ((const int32_t *)got)[i];
        if ((double)value == wanted->v[i]) continue;
        cr_expect(false, "%s \"%s\": %s %d: element %zu is %d, not %g", op_names[op], c->name, what,
                  number, i, value, wanted->v[i]);
        return;
    }
}

void check_reference(struct backend *backend, enum op op, const struct op_case *c)
{
    const struct op_cases *cases = op_case_table[op];
    struct case_data data[OP_MAX_IN];
    struct ref in[OP_MAX_IN], out[OP_MAX_OUT] = {0};
    struct op_run run;
    case_data_draw(cases, c, data);
    run_case(&run, backend, op, c, data);
    refs_from(data, in);
    refs_of_case(cases, c, in, out);

    for (int i = 0; i < run.n_out; i++) {
        if (out[i].rank == 0) continue;
        void *got = op_run_output(&run, i);
        compare(run.out[i], got, &out[i], op, c, "output", i);
        mem_free(got);
    }
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!run.has_in[i] || !(cases->in_place >> i & 1u)) continue;
        void *got = mem_alloc(1, run.in_data[i].bytes);
        guarded_download(&run.in_data[i], got);
        compare(&run.in[i], got, &in[i], op, c, "changed input", i);
        mem_free(got);
    }
    const char *damage = op_run_damage(&run, data, cases->in_place);
    cr_expect(!damage, "%s \"%s\": forward overwrote %s", op_names[op], c->name, damage);

    refs_free(in, OP_MAX_IN);
    refs_free(out, OP_MAX_OUT);
    op_run_free(&run);
    case_data_free(data);
}

void check_refusals(enum op op)
{
    const struct op_cases *cases = op_case_table[op];
    struct backend *backend = NULL;
    cr_assert_eq(test_backends[0].create(&backend), OK);
    for (size_t i = 0; i < cases->n_refusals; i++) {
        const struct op_refusal *refusal = &cases->refusals[i];
        struct op_case c = {.name = refusal->name, .args = refusal->args};
        memcpy(c.in, refusal->in, sizeof c.in);
        struct case_data data[OP_MAX_IN];
        struct op_run run;
        case_data_draw(cases, &c, data);
        enum status status = op_run_infer(&run, backend, op, data, &c);
        cr_expect_eq(status, refusal->status, "%s \"%s\": status %d, expected %d", op_names[op],
                     c.name, (int)status, (int)refusal->status);
        if (status != OK)
            cr_expect(strstr(fail_message(), refusal->message) != NULL,
                      "%s \"%s\": the message \"%s\" lacks \"%s\"", op_names[op], c.name,
                      fail_message(), refusal->message);
        op_run_free(&run);
        case_data_free(data);
    }
    backend_destroy(backend);
}

#include <criterion/criterion.h>

#include "base/mem.h"
#include "tests/ops/checks.h"

void for_each_case(enum op op, case_check check)
{
    const struct op_cases *cases = op_case_table[op];
    const struct op_case *list = cases->cases;
    size_t n = cases->make ? cases->make(&list) : cases->n_cases;
    cr_assert(n > 0, "%s has no cases", op_names[op]);
    for (size_t b = 0; b < n_test_backends; b++) {
        struct backend *backend = NULL;
        if (test_backends[b].only != N_OPS && test_backends[b].only != op) continue;
        if (test_backends[b].lacks && test_backends[b].lacks(op))
            cr_skip_test("%s has no kernel for %s", test_backends[b].name, op_names[op]);
        enum status status = test_backends[b].create(&backend);
        if (status == ERR_UNSUPPORTED) continue; // its own test reports the skip
        cr_assert_eq(status, OK, "%s: %s", test_backends[b].name, fail_message());
        backend->name = test_backends[b].name; // for messages
        for (size_t i = 0; i < n; i++) check(backend, op, &list[i]);
        backend_destroy(backend);
    }
}

#define COMMON_TESTS(name)                                                                         \
    Test(values, name)                                                                             \
    {                                                                                              \
        for_each_case(OP_##name, check_reference);                                                 \
    }                                                                                              \
    Test(repeats, name)                                                                            \
    {                                                                                              \
        for_each_case(OP_##name, check_repeats);                                                   \
    }                                                                                              \
    Test(batches, name)                                                                            \
    {                                                                                              \
        for_each_case(OP_##name, check_batch);                                                     \
    }                                                                                              \
    Test(refusals, name)                                                                           \
    {                                                                                              \
        check_refusals(OP_##name);                                                                 \
    }

#define OP(name)                                                                                   \
    COMMON_TESTS(name)                                                                             \
    Test(gradients, name)                                                                          \
    {                                                                                              \
        for_each_case(OP_##name, check_gradient);                                                  \
    }                                                                                              \
    Test(adjoints, name)                                                                           \
    {                                                                                              \
        for_each_case(OP_##name, check_adjoint);                                                   \
    }
#define OP_NO_GRAD(name) COMMON_TESTS(name)
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD

Test(backends, all_present)
{
    for (size_t b = 0; b < n_test_backends; b++) {
        struct backend *backend = NULL;
        enum status status = test_backends[b].create(&backend);
        if (status == ERR_UNSUPPORTED)
            cr_skip_test("%s: %s", test_backends[b].name, fail_message());
        cr_assert_eq(status, OK, "%s: %s", test_backends[b].name, fail_message());
        char text[256];
        backend->describe(backend, text, sizeof text);
        cr_expect(text[0] != '\0');
        backend_destroy(backend);
    }
}

#define _POSIX_C_SOURCE 200809L // setenv

#include "cpu/isa.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/focal_loss_hot.h"
#include "nn/backend.h"

#if defined(__x86_64__)

Test(isa, the_environment_chooses_a_level)
{
    setenv("TARN_ISA", "v2", 1);
    cr_assert_eq(isa_check(), OK, "%s", fail_message());
    cr_expect_eq(isa_level(), ISA_V2);
    cr_expect_str_eq(isa_name(isa_level()), "x86-64-v2");
}

Test(isa, unknown_levels_are_refused)
{
    struct backend *backend = NULL;
    setenv("TARN_ISA", "v9", 1);
    cr_expect_eq(isa_check(), ERR_USAGE);
    cr_expect_eq(backend_create_cpu(0, &backend), ERR_USAGE);
    cr_expect(strstr(fail_message(), "TARN_ISA=v9"));
}

Test(isa, an_empty_variable_is_none)
{
    unsetenv("TARN_ISA");
    enum isa best = isa_level();
    setenv("TARN_ISA", "", 1);
    cr_expect_eq(isa_check(), OK);
    cr_expect_eq(isa_level(), best);
}

#endif

// A processor may lack v4, but what it lacks is refused, and all that it has agree.
Test(isa, levels_agree)
{
    enum { ANCHORS = 300, CLASSES = 91 };
    static float logits[ANCHORS * CLASSES];
    int32_t matched[ANCHORS], labels[2] = {3, 90};
    for (int i = 0; i < ANCHORS * CLASSES; i++) logits[i] = (float)(i * 37 % 1000) * 0.015f - 12.0f;
    for (int i = 0; i < ANCHORS; i++) matched[i] = i % 50 == 7 ? i % 2 : i % 20 == 3 ? -2 : -1;
    struct focal_rows rows = {logits, matched, labels, ANCHORS, CLASSES, 0.25f, 2.0f};
    double wanted = ISA_PICK(focal_rows_loss)(&rows);
    cr_expect(wanted > 0.0);
    for (enum isa level = ISA_V2; level < N_ISA; level++) {
        if (isa_use(level) != OK) continue;
        double got = ISA_PICK(focal_rows_loss)(&rows);
        cr_expect_float_eq(got, wanted, 1e-6 * wanted, "%s: %.12g, not %.12g", isa_name(level), got,
                           wanted);
    }
}

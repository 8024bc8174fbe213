#include "cpu/vec_math.h"

#include <criterion/criterion.h>

// Distance in units of the last place of the correctly rounded value.
static double ulps(float got, double wanted)
{
    float rounded = (float)wanted;
    if (got == rounded || (isnan(got) && isnan(wanted))) return 0.0;
    if (!isfinite(rounded) || !isfinite(got)) return INFINITY;
    double spacing = (double)nextafterf(fabsf(rounded), INFINITY) - (double)fabsf(rounded);
    return fabs((double)got - wanted) / spacing;
}

struct worst {
    double ulps;
    float x;
};

static void note(struct worst *worst, float x, float got, double wanted)
{
    double distance = ulps(got, wanted);
    if (!(distance > worst->ulps)) return;
    worst->ulps = distance;
    worst->x = x;
}

Test(vec_math, exp_is_accurate)
{
    struct worst worst = {0};
    for (int i = -2100000; i <= 1800000; i++) {
        float x = (float)i * 5e-5f; // -105 .. 90
        note(&worst, x, vec_expf(x), exp((double)x));
    }
    cr_expect(worst.ulps <= 2.0, "exp(%.9g) is %g ulp off", (double)worst.x, worst.ulps);
    cr_expect_eq(vec_expf(0.0f), 1.0f);
    cr_expect_eq(vec_expf(-INFINITY), 0.0f);
    cr_expect_eq(vec_expf(INFINITY), INFINITY);
    cr_expect_eq(vec_expf(-1e30f), 0.0f);
    cr_expect_eq(vec_expf(1e30f), INFINITY);
    cr_expect(isnan(vec_expf(NAN)));
    cr_expect(isnan(vec_expf(-NAN)));
}

Test(vec_math, exp2_is_accurate)
{
    struct worst worst = {0};
    for (int i = 0; i <= 2500000; i++) {
        float x = (float)-i * 5e-5f; // 0 .. -125
        note(&worst, x, vec_exp2f_falling(x), exp2((double)x));
    }
    cr_expect(worst.ulps <= 3.0, "exp2(%.9g) is %g ulp off", (double)worst.x, worst.ulps);
    cr_expect_eq(vec_exp2f_falling(0.0f), 1.0f);
    cr_expect_eq(vec_exp2f_falling(-0.0f), 1.0f);
    cr_expect(isnan(vec_exp2f_falling(NAN)));
}

Test(vec_math, log_is_accurate)
{
    struct worst worst = {0};
    // Every 997th float from the smallest subnormal to the largest number.
    for (int32_t bits = 1; bits < 0x7F800000 - 997; bits += 997) {
        float x = vec_from_bits(bits);
        note(&worst, x, vec_logf(x), log((double)x));
    }
    for (int i = -20000; i <= 20000; i++) {
        float x = 1.0f + (float)i * 1e-6f;
        note(&worst, x, vec_logf(x), log((double)x));
    }
    cr_expect(worst.ulps <= 2.0, "log(%.9g) is %g ulp off", (double)worst.x, worst.ulps);
    cr_expect_eq(vec_logf(1.0f), 0.0f);
    cr_expect_eq(vec_logf(0.0f), -INFINITY);
    cr_expect_eq(vec_logf(INFINITY), INFINITY);
    cr_expect(isnan(vec_logf(-1.0f)));
    cr_expect(isnan(vec_logf(-INFINITY)));
    cr_expect(isnan(vec_logf(NAN)));
}

Test(vec_math, log1p_is_accurate)
{
    struct worst worst = {0};
    for (int32_t bits = 1; bits <= 0x3F800000; bits += 499) {
        float x = vec_from_bits(bits);
        note(&worst, x, vec_log1pf_unit(x), log1p((double)x));
    }
    cr_expect(worst.ulps <= 3.0, "log1p(%.9g) is %g ulp off", (double)worst.x, worst.ulps);
    cr_expect_eq(vec_log1pf_unit(0.0f), 0.0f);
}

#include <criterion/criterion.h>
#include <math.h>

#include "base/mem.h"
#include "host_backend.h"
#include "nn/params.h"

static struct tensor *declare(struct params *params, const char *name, enum param_group group,
                              enum param_kind kind, bool frozen)
{
    struct param_spec spec = {.name = name,
                              .rank = 4,
                              .shape = {2, 3, 3, 4},
                              .group = group,
                              .kind = kind,
                              .init = INIT_KAIMING_NORMAL_FAN_OUT,
                              .frozen = frozen};
    struct tensor *t;
    cr_assert_eq(params_declare(params, &spec, &t), OK);
    return t;
}

static struct params *new_params(void)
{
    struct params *params;
    cr_assert_eq(params_create(host_backend(), &params), OK);
    return params;
}

Test(params, groups_are_contiguous_and_frozen_ones_follow)
{
    struct params *params = new_params();
    struct tensor *a = declare(params, "a", PARAM_BIAS, PARAM_PLAIN, false);
    struct tensor *b = declare(params, "b", PARAM_WEIGHT, PARAM_PLAIN, true);
    struct tensor *c = declare(params, "c", PARAM_WEIGHT, PARAM_PLAIN, false);
    cr_assert_eq(params_layout(params, 1), OK);
    cr_assert_eq(c->data, params->values);
    cr_assert_eq(params->group_begin[PARAM_BIAS], 80); // 72 rounded up to 16
    cr_assert_eq(a->data, params->values + 80);
    cr_assert_eq(params->group_begin[N_PARAM_GROUPS], 160);
    cr_assert_eq(b->data, params->values + 160);
    cr_assert_not(b->needs_grad);
    cr_assert_null(b->grad);
    cr_assert_eq(a->grad, params->grads + 80);
    cr_assert_eq(params_count(params, false), 216);
    cr_assert_eq(params_count(params, true), 144);
    params_destroy(params);
}

Test(params, initial_values_depend_on_seed_and_name_only)
{
    float first[72];
    for (int round = 0; round < 2; round++) {
        struct params *params = new_params();
        if (round) declare(params, "before", PARAM_WEIGHT, PARAM_CONV, false);
        struct tensor *t = declare(params, "layer.weight", PARAM_WEIGHT, PARAM_CONV, false);
        cr_assert_eq(params_layout(params, 7), OK);
        if (round)
            cr_assert_arr_eq(t->data, first, sizeof first);
        else
            memcpy(first, t->data, sizeof first);
        params_destroy(params);
    }
    struct params *params = new_params();
    struct tensor *t = declare(params, "layer.weight", PARAM_WEIGHT, PARAM_CONV, false);
    cr_assert_eq(params_layout(params, 8), OK);
    cr_assert_neq(memcmp(t->data, first, sizeof first), 0);
    params_destroy(params);
}

Test(params, initialisations_have_the_deviation_they_promise)
{
    struct params *params = new_params();
    struct tensor *fan_out, *fan_in;
    struct param_spec spec = {.name = "x",
                              .rank = 4,
                              .shape = {64, 3, 3, 128},
                              .kind = PARAM_CONV,
                              .init = INIT_KAIMING_NORMAL_FAN_OUT};
    cr_assert_eq(params_declare(params, &spec, &fan_out), OK);
    spec.name = "y";
    spec.init = INIT_KAIMING_UNIFORM_A1;
    cr_assert_eq(params_declare(params, &spec, &fan_in), OK);
    cr_assert_eq(params_layout(params, 3), OK);
    double sum[2] = {0, 0}, largest = 0;
    size_t n = tensor_count(fan_out);
    for (size_t i = 0; i < n; i++) {
        double a = ((float *)fan_out->data)[i], b = ((float *)fan_in->data)[i];
        sum[0] += a * a;
        sum[1] += b * b;
        largest = fmax(largest, fabs(b));
    }
    double bound = sqrt(3.0 / (9 * 128));
    cr_assert_float_eq(sqrt(sum[0] / (double)n), sqrt(2.0 / (9 * 64)), 1e-3);
    cr_assert_float_eq(sqrt(sum[1] / (double)n), bound / sqrt(3.0), 1e-3);
    cr_assert_leq(largest, bound);
    params_destroy(params);
}

Test(params, convolutions_change_order_between_memory_and_files)
{
    struct params *params = new_params();
    struct tensor *t = declare(params, "w", PARAM_WEIGHT, PARAM_CONV, false); // O2 H3 W3 I4
    cr_assert_eq(params_layout(params, 1), OK);
    struct param *w = params_find(params, "w");
    float file[72], back[72];
    for (int i = 0; i < 72; i++) file[i] = (float)i; // (O,I,H,W)
    int changed = host_backend_params_changed;
    cr_assert_eq(params_set(params, w, file), OK);
    cr_assert_gt(host_backend_params_changed, changed);
    // o=1, i=2, h=0, w=1 of the file is element 36 + 18 + 1.
    cr_assert_eq(((float *)t->data)[((1 * 3 + 0) * 3 + 1) * 4 + 2], 55);
    cr_assert_eq(params_get(params, w, back), OK);
    cr_assert_arr_eq(back, file, sizeof file);
    params_destroy(params);
}

Test(params, linear_layers_after_a_map_change_order_too)
{
    struct params *params = new_params();
    struct tensor *t;
    struct param_spec spec = {.name = "fc6.weight",
                              .rank = 2,
                              .shape = {1, 12},
                              .kind = PARAM_LINEAR_CHW,
                              .chw = {3, 2, 2}};
    cr_assert_eq(params_declare(params, &spec, &t), OK);
    cr_assert_eq(params_layout(params, 1), OK);
    float file[12], back[12];
    for (int i = 0; i < 12; i++) file[i] = (float)i; // c, y, x
    cr_assert_eq(params_set(params, params_find(params, "fc6.weight"), file), OK);
    cr_assert_eq(((float *)t->data)[(1 * 2 + 0) * 3 + 2], 10); // y 1, x 0, c 2
    cr_assert_eq(params_get(params, params_find(params, "fc6.weight"), back), OK);
    cr_assert_arr_eq(back, file, sizeof file);
    params_destroy(params);
}

Test(params, transposed_convolutions_change_order_too)
{
    struct params *params = new_params();
    struct tensor *t;
    struct param_spec spec = {.name = "conv5_mask.weight",
                              .rank = 4,
                              .shape = {2, 2, 3, 5}, // H W O I
                              .kind = PARAM_CONV_TRANSPOSE,
                              .init = INIT_KAIMING_NORMAL_FAN_OUT};
    cr_assert_eq(params_declare(params, &spec, &t), OK);
    cr_assert_eq(params_layout(params, 1), OK);
    struct param *param = params_find(params, "conv5_mask.weight");
    int64_t shape[TENSOR_MAX_RANK];
    cr_assert_eq(params_file_shape(param, shape), 4);
    cr_assert(shape[0] == 5 && shape[1] == 3 && shape[2] == 2 && shape[3] == 2);
    float file[60], back[60];
    for (int i = 0; i < 60; i++) file[i] = (float)i;
    cr_assert_eq(params_set(params, param, file), OK);
    // i=3, o=2, h=0, w=1 of the file is element 36 + 8 + 1.
    cr_assert_eq(((float *)t->data)[((0 * 2 + 1) * 3 + 2) * 5 + 3], 45);
    cr_assert_eq(params_get(params, param, back), OK);
    cr_assert_arr_eq(back, file, sizeof file);
    params_destroy(params);
}

// A kernel of 2x2 on 40 inputs: PyTorch's fan out of a transposed convolution is 4 * 40.
Test(params, transposed_convolutions_start_as_in_pytorch)
{
    struct params *params = new_params();
    struct tensor *t;
    struct param_spec spec = {.name = "w",
                              .rank = 4,
                              .shape = {2, 2, 100, 40},
                              .kind = PARAM_CONV_TRANSPOSE,
                              .init = INIT_KAIMING_NORMAL_FAN_OUT};
    cr_assert_eq(params_declare(params, &spec, &t), OK);
    cr_assert_eq(params_layout(params, 3), OK);
    double sum = 0;
    size_t n = tensor_count(t);
    for (size_t i = 0; i < n; i++) sum += pow((double)((float *)t->data)[i], 2);
    cr_assert_float_eq(sqrt(sum / (double)n), sqrt(2.0 / 160), 2e-3);
    params_destroy(params);
}

Test(params, a_name_declared_twice_is_refused)
{
    struct params *params = new_params();
    declare(params, "w", PARAM_WEIGHT, PARAM_CONV, false);
    struct param_spec spec = {.name = "w", .rank = 1, .shape = {1}};
    struct tensor *t;
    cr_assert_eq(params_declare(params, &spec, &t), ERR_USAGE);
    params_destroy(params);
}

Test(params, gradients_without_contribution_become_zero)
{
    struct params *params = new_params();
    struct tensor *t = declare(params, "w", PARAM_WEIGHT, PARAM_CONV, false);
    cr_assert_eq(params_layout(params, 1), OK);
    ((float *)t->grad)[5] = 3;
    params_zero_grad(params);
    cr_assert_eq(params_finish_grad(params), OK);
    cr_assert_eq(((float *)t->grad)[5], 0);
    params_destroy(params);
}

Test(params, every_failing_allocation_is_an_error_without_leak)
{
    for (size_t n = 1; n < 12; n++) {
        struct params *params = NULL;
        struct tensor *t;
        struct param_spec spec = {.name = "w", .rank = 1, .shape = {100}, .init = INIT_ONE};
        mem_fail_at(n, false);
        enum status status = params_create(host_backend(), &params);
        if (status == OK) status = params_declare(params, &spec, &t);
        if (status == OK) status = params_layout(params, 1);
        mem_fail_at(0, false);
        cr_assert(status == OK || status == ERR_MEMORY);
        params_destroy(params);
    }
}

#include <criterion/criterion.h>

#include "host_backend.h"
#include "nn/ops.h"

static struct tape *new_tape(bool recording)
{
    struct tape *tape;
    cr_assert_eq(tape_create(host_backend(), &tape), OK);
    tape->recording = recording;
    return tape;
}

static struct tensor *new_tensor(struct tape *tape, int64_t n, float value, bool needs_grad)
{
    int64_t shape[4] = {1, 1, 1, n};
    struct tensor *t;
    cr_assert_eq(tape_tensor(tape, DTYPE_F32, 4, shape, &t), OK);
    for (int64_t i = 0; i < n; i++) ((float *)t->data)[i] = value;
    t->needs_grad = needs_grad;
    return t;
}

Test(tape, a_chain_multiplies_gradients)
{
    struct tape *tape = new_tape(true);
    struct tensor *x = new_tensor(tape, 1, 3, true), *y, *z;
    cr_assert_eq(relu(tape, x, &y), OK); // doubles
    cr_assert_eq(relu(tape, y, &z), OK);
    cr_assert_eq(*(float *)z->data, 12);
    cr_assert_eq(tape_backward(tape, 1, &z, 0.5f), OK);
    cr_assert_eq(*(float *)x->grad, 2);
    tape_destroy(tape);
}

Test(tape, fan_out_adds_contributions)
{
    struct tape *tape = new_tape(true);
    struct tensor *x = new_tensor(tape, 1, 3, true), *a, *b, *sum;
    cr_assert_eq(relu(tape, x, &a), OK);
    cr_assert_eq(relu(tape, x, &b), OK);
    cr_assert_eq(upsample_add(tape, a, b, &sum), OK);
    cr_assert_eq(tape_backward(tape, 1, &sum, 1), OK);
    cr_assert_eq(*(float *)x->grad, 4);
    tape_destroy(tape);
}

Test(tape, one_tensor_twice_in_one_call)
{
    struct tape *tape = new_tape(true);
    struct tensor *x = new_tensor(tape, 1, 3, true), *sum;
    cr_assert_eq(upsample_add(tape, x, x, &sum), OK);
    cr_assert_eq(tape_backward(tape, 1, &sum, 1), OK);
    cr_assert_eq(*(float *)x->grad, 2);
    tape_destroy(tape);
}

Test(tape, frozen_inputs_record_nothing)
{
    struct tape *tape = new_tape(true);
    struct tensor *x = new_tensor(tape, 1, 3, false), *y;
    cr_assert_eq(relu(tape, x, &y), OK);
    cr_assert_eq(tape->n_nodes, 0);
    cr_assert_not(y->needs_grad);
    tape_destroy(tape);
}

Test(tape, two_backward_passes_over_one_parameter_accumulate)
{
    struct tape *tape = new_tape(true);
    float value = 1, grad = 99;
    int64_t shape[4] = {1, 1, 1, 1};
    struct tensor w = tensor_wrap(DTYPE_F32, 4, shape, &value);
    w.is_param = w.needs_grad = true;
    w.grad = &grad;
    for (int micro_batch = 0; micro_batch < 2; micro_batch++) {
        struct tensor *y;
        tape_reset(tape);
        cr_assert_eq(relu(tape, &w, &y), OK);
        cr_assert_eq(tape_backward(tape, 1, &y, 0.5f), OK);
    }
    cr_assert_eq(grad, 2);
    tape_destroy(tape);
}

Test(tape, dropped_memory_is_reused_when_nothing_needs_it)
{
    struct tape *tape = new_tape(false);
    struct tensor *x = new_tensor(tape, 1000, 1, false), *y;
    void *memory = x->data;
    tape_drop(tape, x);
    y = new_tensor(tape, 1000, 2, false);
    cr_assert_eq(y->data, memory);
    tape_destroy(tape);
}

Test(tape, dropping_spares_what_backward_needs)
{
    struct tape *tape = new_tape(true);
    struct tensor *x = new_tensor(tape, 1000, 1, true), *y;
    cr_assert_eq(relu(tape, x, &y), OK);
    tape_drop(tape, x);
    tape_drop(tape, y);
    cr_assert_not_null(x->data);
    cr_assert_not_null(y->data);
    tape_destroy(tape);
}

Test(tape, equal_steps_get_equal_addresses)
{
    struct tape *tape = new_tape(true);
    void *first[2] = {NULL, NULL};
    for (int step = 0; step < 4; step++) {
        tape_reset(tape);
        struct tensor *x = new_tensor(tape, 300000, 1, true), *y;
        cr_assert_eq(relu(tape, x, &y), OK);
        cr_assert_eq(tape_backward(tape, 1, &y, 1), OK);
        if (step == 1) { // the first step grows chunks, the second has them in one
            first[0] = y->data;
            first[1] = x->grad;
        }
        if (step > 1) {
            cr_assert_eq(y->data, first[0]);
            cr_assert_eq(x->grad, first[1]);
        }
    }
    tape_destroy(tape);
}

Test(tape, a_dry_tape_infers_shapes_without_memory)
{
    struct tape *tape;
    cr_assert_eq(tape_create(NULL, &tape), OK);
    cr_assert(tape->dry);
    int64_t shape_x[4] = {2, 800, 1344, 3}, shape_w[4] = {64, 7, 7, 3};
    struct tensor *x, w = tensor_wrap(DTYPE_F32, 4, shape_w, NULL), *y;
    cr_assert_eq(tape_tensor(tape, DTYPE_F32, 4, shape_x, &x), OK);
    struct conv2d_args args = {.stride = 2, .padding = 3};
    cr_assert_eq(conv2d(tape, x, &w, NULL, NULL, NULL, &args, &y), OK);
    cr_assert_eq(y->shape[1], 400);
    cr_assert_eq(y->shape[2], 672);
    cr_assert_eq(y->shape[3], 64);
    cr_assert_eq(tape_peak_bytes(tape), 0);
    tape_destroy(tape);
}

Test(tape, shapes_that_do_not_fit_are_named)
{
    struct tape *tape;
    cr_assert_eq(tape_create(NULL, &tape), OK);
    int64_t shape_x[4] = {1, 8, 8, 5}, shape_w[4] = {4, 3, 3, 6};
    struct tensor *x, w = tensor_wrap(DTYPE_F32, 4, shape_w, NULL), *y;
    cr_assert_eq(tape_tensor(tape, DTYPE_F32, 4, shape_x, &x), OK);
    struct conv2d_args args = {.stride = 1, .padding = 1};
    cr_assert_eq(conv2d(tape, x, &w, NULL, NULL, NULL, &args, &y), ERR_USAGE);
    cr_assert_str_eq(fail_message(), "conv2d: x is 1x8x8x5 f32 but w is 4x3x3x6 f32 (O,H,W,I)");
    tape_destroy(tape);
}

static void count_calls(void *context, const struct tape_node *node, bool is_backward)
{
    (void)node;
    ((int *)context)[is_backward]++;
}

Test(tape, the_observer_sees_every_kernel)
{
    struct tape *tape = new_tape(true);
    int calls[2] = {0, 0};
    tape->observer = (struct tape_observer){.context = calls, .after = count_calls};
    struct tensor *x = new_tensor(tape, 1, 3, true), *y, *z;
    cr_assert_eq(relu(tape, x, &y), OK);
    cr_assert_eq(relu(tape, y, &z), OK);
    cr_assert_eq(tape_backward(tape, 1, &z, 1), OK);
    cr_assert_eq(calls[0], 2);
    cr_assert_eq(calls[1], 2);
    tape_destroy(tape);
}

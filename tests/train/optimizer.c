#include "train/optimizer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helper.h"

enum { N = 3, STEPS = 5 };

static const float weight_grads[STEPS][N] = {
    {0.5f, -1, 2}, {0.25f, 0.5f, -0.75f}, {-1.5f, 0.1f, 0.2f}, {3, -2, 1}, {0, 0, 0.4f}};
static const float bias_grads[STEPS] = {1, -0.5f, 0.25f, 2, -1};

struct model {
    struct backend *backend;
    struct params *params;
    struct tape *tape;
    struct tensor *weight, *bias;
};

static void model_make(struct model *m)
{
    static const float w[N] = {1, -2, 0.5f}, b[1] = {0.3f};
    struct param_spec weight = {.name = "weight", .rank = 1, .shape = {N}, .group = PARAM_WEIGHT};
    struct param_spec bias = {.name = "bias", .rank = 1, .shape = {1}, .group = PARAM_BIAS};
    assert_ok(backend_create_cpu(2, &m->backend));
    assert_ok(params_create(m->backend, &m->params));
    assert_ok(params_declare(m->params, &weight, &m->weight));
    assert_ok(params_declare(m->params, &bias, &m->bias));
    assert_ok(params_layout(m->params, 1));
    assert_ok(params_set(m->params, params_find(m->params, "weight"), w));
    assert_ok(params_set(m->params, params_find(m->params, "bias"), b));
    assert_ok(tape_create(m->backend, &m->tape));
}

static void model_free(struct model *m)
{
    tape_destroy(m->tape);
    params_destroy(m->params);
    backend_destroy(m->backend);
}

static void set_grads(struct model *m, int step)
{
    params_zero_grad(m->params);
    memcpy(m->weight->grad, weight_grads[step], sizeof weight_grads[step]);
    memcpy(m->bias->grad, &bias_grads[step], sizeof bias_grads[step]);
    m->weight->has_grad = m->bias->has_grad = true;
    assert_ok(params_finish_grad(m->params));
}

// Numbers of torch 2.9's SGD (momentum 0.9, decay 0.1 on the weights alone, lr 0.1 / (i + 1)) and
// clip_grad_norm_.
static void five_steps(bool nesterov, double clip, const double expected[N + 1])
{
    struct model m;
    model_make(&m);
    struct optimizer_args args = {.momentum = 0.9, .clip_norm = clip, .nesterov = nesterov};
    args.decay[PARAM_WEIGHT] = 0.1;
    for (int i = 0; i < STEPS; i++) {
        double norm = 0, squares = (double)bias_grads[i] * (double)bias_grads[i];
        set_grads(&m, i);
        args.lr = 0.1 / (i + 1);
        args.first_step = i == 0;
        assert_ok(optimizer_step(m.params, m.tape, &args, &norm));
        for (int j = 0; j < N; j++)
            squares += (double)weight_grads[i][j] * (double)weight_grads[i][j];
        cr_assert(fabs(norm - sqrt(squares)) < 1e-6 * norm);
    }
    for (int j = 0; j <= N; j++) {
        double got = (double)(j < N ? ((float *)m.weight->data)[j] : *(float *)m.bias->data);
        cr_assert(fabs(got - expected[j]) < 2e-6, "%d: %.9g, expected %.9g", j, got, expected[j]);
    }
    model_free(&m);
}

Test(optimizer, five_steps_as_torch)
{
    static const double plain[] = {0.805441737, -1.68845296, 0.0976088718, 0.0700596869};
    static const double clipped[] = {0.927945673, -1.8683691, 0.371194124, 0.259375453};
    static const double nesterov[] = {0.717673004, -1.55795157, -0.0666311979, -0.0202796217};
    static const double both[] = {0.896980762, -1.81246889, 0.313626558, 0.248370901};
    five_steps(false, 0, plain);
    five_steps(false, 1, clipped);
    five_steps(true, 0, nesterov);
    five_steps(true, 1, both);
}

Test(optimizer, a_gradient_that_is_not_finite_changes_nothing)
{
    struct model m;
    model_make(&m);
    struct optimizer_args args = {.lr = 0.1, .momentum = 0.9, .first_step = true};
    double norm = -1;
    set_grads(&m, 0);
    ((float *)m.weight->grad)[1] = NAN;
    assert_fails(optimizer_step(m.params, m.tape, &args, &norm), ERR_NUMERIC, "finite");
    cr_assert_eq(((float *)m.weight->data)[0], 1);
    cr_assert_eq(*(float *)m.bias->data, 0.3f);
    cr_assert_eq(m.params->velocity[0], 0);
    model_free(&m);
}

Test(optimizer, decay_of_each_group)
{
    static struct config config;
    struct optimizer_args args;
    config_defaults(&config);
    optimizer_args_init(&config, &args);
    cr_assert_eq(args.decay[PARAM_WEIGHT], 1e-4);
    cr_assert_eq(args.decay[PARAM_NORM], 1e-4);
    cr_assert_eq(args.decay[PARAM_BIAS], 1e-4);
    cr_assert_eq(args.decay[PARAM_POOL], 0);
    helper_set(&config, "train.norm_decay=0");
    helper_set(&config, "train.bias_decay=0.5");
    helper_set(&config, "train.pool_weight_decay=0.25");
    optimizer_args_init(&config, &args);
    cr_assert_eq(args.decay[PARAM_NORM], 0);
    cr_assert_eq(args.decay[PARAM_BIAS], 0.5);
    cr_assert_eq(args.decay[PARAM_POOL], 0.25);
}

// Shapes, names, freezing and pools of the ResNets, on a tape that computes nothing.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backbone/resnet.h"
#include "base/field.h"
#include "base/mem.h"

#define MUST(expression) cr_assert((expression) == OK, "%s", fail_message())

struct fixture {
    struct backend *backend;
    struct tape *tape;
    struct params *params;
    struct resnet *resnet;
};

static struct resnet_config config_of(int depth, enum norm_type norm)
{
    return (struct resnet_config){.depth = depth,
                                  .norm = norm,
                                  .norm_eps = 1e-5,
                                  .gn_groups = 32,
                                  .trainable_layers = 5};
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    MUST(backend_create_cpu(1, &f->backend));
    MUST(tape_create(f->backend, &f->tape));
    MUST(params_create(f->backend, &f->params));
}

static void tear_down(struct fixture *f)
{
    resnet_destroy(f->resnet);
    params_destroy(f->params);
    tape_destroy(f->tape);
    backend_destroy(f->backend);
}

static void create(struct fixture *f, const struct resnet_config *config)
{
    set_up(f);
    MUST(resnet_create(config, f->params, "backbone.body.", &f->resnet));
}

static struct pool pool_of(const char *name, int kernel, int stride, int padding)
{
    struct pool pool = {.def = pool_find(name), .window = window_square(kernel, stride, padding)};
    cr_assert(pool.def != NULL, "no pool %s", name);
    if (pool.def->fields) fields_defaults(pool.def->fields, pool.args);
    return pool;
}

// Runs a dry forward pass on 2 images of 96x64 and checks the four maps.
static void check_shapes(struct fixture *f, const int channels[4])
{
    static const bool want[4] = {true, true, true, true};
    const int64_t shape[4] = {2, 96, 64, 3};
    struct tensor *x, *c[4];
    f->tape->dry = true;
    MUST(tape_tensor(f->tape, DTYPE_F32, 4, shape, &x));
    MUST(resnet_forward(f->resnet, f->tape, x, want, c));
    for (int i = 0; i < 4; i++) {
        char text[TENSOR_TEXT_BYTES];
        cr_expect(c[i]->shape[0] == 2 && c[i]->shape[1] == 24 >> i && c[i]->shape[2] == 16 >> i &&
                      c[i]->shape[3] == channels[i],
                  "stage %d: %s", i, tensor_text(c[i], text));
        cr_expect_eq(resnet_channels(f->resnet, i), channels[i]);
    }
}

static const int basic_channels[4] = {64, 128, 256, 512};
static const int bottleneck_channels[4] = {256, 512, 1024, 2048};

Test(resnet, shapes_of_all_depths_and_norms)
{
    static const int depths[] = {18, 34, 50, 101, 152};
    for (size_t i = 0; i < 5; i++) {
        for (int norm = NORM_FROZEN_BN; norm <= NORM_GN; norm++) {
            struct fixture f;
            struct resnet_config config = config_of(depths[i], (enum norm_type)norm);
            create(&f, &config);
            check_shapes(&f, depths[i] < 50 ? basic_channels : bottleneck_channels);
            tear_down(&f);
        }
    }
}

// torchvision: sum(p.numel() for p in resnetN().parameters()) without fc.
Test(resnet, parameter_counts)
{
    static const struct {
        int depth;
        size_t with_bn, norms;
    } known[] = {{18, 11176512, 4800},
                 {34, 21284672, 8512},
                 {50, 23508032, 26560},
                 {101, 42500160, 52672},
                 {152, 58143808, 75712}};
    for (size_t i = 0; i < 5; i++) {
        struct fixture f;
        struct resnet_config config = config_of(known[i].depth, NORM_BN);
        create(&f, &config);
        cr_expect_eq(params_count(f.params, false), known[i].with_bn);
        cr_expect_eq(params_count(f.params, true), known[i].with_bn);
        tear_down(&f);
        config.norm = NORM_FROZEN_BN; // all four tensors of a norm are buffers
        create(&f, &config);
        cr_expect_eq(params_count(f.params, false), known[i].with_bn - 2 * known[i].norms);
        tear_down(&f);
    }
}

static void expect_shape(const struct fixture *f, const char *name, int64_t o, int64_t k, int64_t i)
{
    const struct param *p = params_find(f->params, name);
    cr_assert(p != NULL, "no %s", name);
    cr_expect(p->tensor.shape[0] == o && p->tensor.shape[1] == k && p->tensor.shape[2] == k &&
                  p->tensor.shape[3] == i,
              "%s", name);
}

Test(resnet, names_as_torchvision)
{
    struct fixture f;
    struct resnet_config config = config_of(50, NORM_FROZEN_BN);
    create(&f, &config);
    expect_shape(&f, "backbone.body.conv1.weight", 64, 7, 3);
    expect_shape(&f, "backbone.body.layer1.0.downsample.0.weight", 256, 1, 64);
    expect_shape(&f, "backbone.body.layer3.5.conv2.weight", 256, 3, 256);
    expect_shape(&f, "backbone.body.layer4.2.conv3.weight", 2048, 1, 512);
    cr_expect_not_null(params_find(f.params, "backbone.body.layer4.2.bn3.running_var"));
    cr_expect_not_null(params_find(f.params, "backbone.body.layer2.0.downsample.1.running_mean"));
    cr_expect_null(params_find(f.params, "backbone.body.layer1.1.downsample.0.weight"));
    tear_down(&f);
    config = config_of(18, NORM_GN);
    create(&f, &config);
    cr_expect_null(params_find(f.params, "backbone.body.layer1.0.downsample.0.weight"));
    cr_expect_null(params_find(f.params, "backbone.body.bn1.running_mean"));
    cr_expect_not_null(params_find(f.params, "backbone.body.layer2.0.downsample.1.bias"));
    tear_down(&f);
}

Test(resnet, pools_at_both_sites)
{
    for (int depth = 18; depth <= 50; depth += 32) {
        struct fixture f;
        struct resnet_config config = config_of(depth, NORM_FROZEN_BN);
        config.pools[POOL_STEM] = pool_of("soft", 2, 2, 0);
        config.pools[POOL_DOWNSAMPLE] = pool_of("avg", 2, 2, 0);
        create(&f, &config);
        check_shapes(&f, depth < 50 ? basic_channels : bottleneck_channels);
        // A pool in place of a stride changes no parameter.
        struct fixture plain;
        struct resnet_config original = config_of(depth, NORM_FROZEN_BN);
        create(&plain, &original);
        cr_expect_eq(f.params->n, plain.params->n);
        tear_down(&plain);
        tear_down(&f);
    }
}

struct pool_count {
    int n, indices[16];
};

static void count_pools(void *context, const struct tape_node *node, bool is_backward)
{
    struct pool_count *count = context;
    if (is_backward || node->op != OP_pool || count->n == 16) return;
    count->indices[count->n++] = ((const struct pool_op_args *)node->call.args)->site;
}

// The stem and, in each of three stages, branch and shortcut: with random streams of their own.
// LIP as its authors put it into bottlenecks: pool and 1x1 in place of the strided 3x3.
Test(resnet, a_pool_replaces_the_strided_convolution)
{
    struct fixture f;
    struct resnet_config config = config_of(50, NORM_BN);
    config.pools[POOL_DOWNSAMPLE] = pool_of("lip", 3, 2, 1);
    struct pool *lip = &config.pools[POOL_DOWNSAMPLE];
    MUST(fields_set_text(lip->def->fields, lip->args, "replace_conv", "true"));
    MUST(fields_set_text(lip->def->fields, lip->args, "logit", "bottleneck"));
    create(&f, &config);
    check_shapes(&f, bottleneck_channels);
    const struct param *replaced = params_find(f.params, "backbone.body.layer2.0.conv2.weight");
    const struct param *kept = params_find(f.params, "backbone.body.layer2.1.conv2.weight");
    cr_expect_eq(replaced->tensor.shape[1], 1);
    cr_expect_eq(kept->tensor.shape[1], 3);
    cr_expect_not_null(params_find(f.params, "backbone.body.layer2.0.pool.logit.6.weight"));
    tear_down(&f);

    set_up(&f);
    config.depth = 18;
    cr_expect_eq(resnet_create(&config, f.params, "backbone.body.", &f.resnet), ERR_USAGE);
    cr_expect(strstr(fail_message(), "only bottlenecks") != NULL, "%s", fail_message());
    tear_down(&f);
}

// Branch and shortcut of a block draw alike, all others differ.
Test(resnet, every_place_has_its_own_index)
{
    struct fixture f;
    struct pool_count count = {0};
    struct resnet_config config = config_of(18, NORM_FROZEN_BN);
    config.pools[POOL_DOWNSAMPLE] = pool_of("max", 3, 2, 1);
    create(&f, &config);
    f.tape->observer = (struct tape_observer){.context = &count, .after = count_pools};
    check_shapes(&f, basic_channels);
    cr_expect_eq(count.n, 7);
    for (int i = 0; i < count.n; i++)
        for (int k = 0; k < i; k++) {
            bool one_block = k % 2 == 1 && i == k + 1; // after the stem they come in pairs
            cr_expect_eq(count.indices[i] == count.indices[k], one_block, "pools %d and %d", k, i);
        }
    tear_down(&f);
}

struct strides {
    int first, second; // of layer2.0.conv1 and conv2
};

static void note_strides(void *context, const struct tape_node *node, bool is_backward)
{
    struct strides *strides = context;
    if (is_backward || node->op != OP_conv2d) return;
    const struct conv2d_args *args = node->call.args;
    if (strcmp(node->call.in[1]->name, "backbone.body.layer2.0.conv1.weight") == 0)
        strides->first = args->stride;
    if (strcmp(node->call.in[1]->name, "backbone.body.layer2.0.conv2.weight") == 0)
        strides->second = args->stride;
}

Test(resnet, stride_stands_where_the_config_says)
{
    for (int in_1x1 = 0; in_1x1 < 2; in_1x1++) {
        struct fixture f;
        struct strides strides = {0};
        struct resnet_config config = config_of(50, NORM_FROZEN_BN);
        config.stride_in_1x1 = in_1x1;
        create(&f, &config);
        f.tape->observer = (struct tape_observer){.context = &strides, .after = note_strides};
        check_shapes(&f, bottleneck_channels);
        cr_expect(strides.first == (in_1x1 ? 2 : 1) && strides.second == (in_1x1 ? 1 : 2));
        tear_down(&f);
    }
}

Test(resnet, trainable_layers_from_the_back)
{
    static const char *const first[] = {"backbone.body.layer4.0.conv1.weight",
                                        "backbone.body.layer3.0.conv1.weight",
                                        "backbone.body.layer2.0.conv1.weight",
                                        "backbone.body.layer1.0.conv1.weight",
                                        "backbone.body.conv1.weight"};
    for (int n = 0; n <= 5; n++) {
        struct fixture f;
        struct resnet_config config = config_of(18, NORM_BN);
        config.trainable_layers = n;
        create(&f, &config);
        for (int i = 0; i < 5; i++)
            cr_expect_eq(params_find(f.params, first[i])->trainable, i < n, "%s of %d", first[i],
                         n);
        cr_expect_eq(params_find(f.params, "backbone.body.bn1.weight")->trainable, n == 5);
        cr_expect_not(params_find(f.params, "backbone.body.bn1.running_mean")->trainable);
        tear_down(&f);
    }
}

Test(resnet, only_what_is_wanted_is_computed)
{
    static const bool want[4] = {false, true, false, false};
    struct fixture f;
    struct resnet_config config = config_of(18, NORM_FROZEN_BN);
    const int64_t shape[4] = {1, 64, 64, 3};
    struct tensor *x, *c[4];
    create(&f, &config);
    f.tape->dry = true;
    MUST(tape_tensor(f.tape, DTYPE_F32, 4, shape, &x));
    MUST(resnet_forward(f.resnet, f.tape, x, want, c));
    cr_expect(c[0] == NULL && c[1] != NULL && c[2] == NULL && c[3] == NULL);
    tear_down(&f);
}

static void expect_refused(const struct resnet_config *config, const char *word)
{
    struct fixture f;
    set_up(&f);
    cr_expect_eq(resnet_create(config, f.params, "", &f.resnet), ERR_USAGE);
    cr_expect(strstr(fail_message(), word) != NULL, "%s", fail_message());
    tear_down(&f);
}

Test(resnet, refusals)
{
    struct resnet_config config = config_of(35, NORM_BN);
    expect_refused(&config, "ResNet-35");
    config = config_of(18, NORM_GN);
    config.gn_groups = 48;
    expect_refused(&config, "48 groups");
    config = config_of(18, NORM_BN);
    config.trainable_layers = 6;
    expect_refused(&config, "trainable_layers");
    config = config_of(34, NORM_BN);
    config.stride_in_1x1 = true;
    expect_refused(&config, "stride_in_1x1");
    config = config_of(18, NORM_BN);
    config.pools[POOL_DOWNSAMPLE] = pool_of("max", 2, 1, 0);
    expect_refused(&config, "stride 2");
}

static void fill(struct fixture *f, const char *name, float value)
{
    struct param *p = params_find(f->params, name);
    cr_assert(p != NULL, "no %s", name);
    size_t n = tensor_count(&p->tensor);
    float *values = mem_alloc(n, sizeof *values);
    for (size_t i = 0; i < n; i++) values[i] = value;
    MUST(params_set(f->params, p, values));
    mem_free(values);
}

Test(resnet, zero_variance_is_refused_by_name)
{
    struct fixture f;
    struct resnet_config config = config_of(18, NORM_FROZEN_BN);
    config.norm_eps = 0;
    create(&f, &config);
    MUST(params_layout(f.params, 1));
    MUST(resnet_refresh(f.resnet));
    fill(&f, "backbone.body.layer3.1.bn2.running_var", 0);
    cr_expect_eq(resnet_refresh(f.resnet), ERR_DATA);
    cr_expect(strstr(fail_message(), "layer3.1.bn2.running_var[0]") != NULL, "%s", fail_message());
    tear_down(&f);
}

Test(resnet, fresh_branches_are_calmed_once)
{
    struct fixture f;
    struct resnet_config config = config_of(18, NORM_FROZEN_BN);
    int n = -1;
    create(&f, &config);
    MUST(params_layout(f.params, 1));
    MUST(resnet_calm_fresh_branches(f.resnet, 0.5f, &n));
    cr_expect_eq(n, 0, "nothing was loaded");
    for (size_t i = 0; i < f.params->n; i++) {
        const char *name = f.params->items[i]->name;
        f.params->items[i]->loaded = strcmp(name, "backbone.body.layer4.0.conv1.weight") != 0 &&
                                     strncmp(name, "backbone.body.layer4.1.conv", 27) != 0;
    }
    fill(&f, "backbone.body.layer4.0.conv1.weight", 2);
    fill(&f, "backbone.body.layer4.1.conv1.weight", 2);
    fill(&f, "backbone.body.layer4.1.conv2.weight", 2);
    for (int i = 0; i < 2; i++) {
        MUST(resnet_calm_fresh_branches(f.resnet, 0.5f, &n));
        cr_expect_eq(n, i == 0 ? 2 : 0);
    }
    const float *a = params_find(f.params, "backbone.body.layer4.0.conv1.weight")->tensor.data;
    const float *b = params_find(f.params, "backbone.body.layer4.1.conv1.weight")->tensor.data;
    const float *c = params_find(f.params, "backbone.body.layer4.1.conv2.weight")->tensor.data;
    cr_expect(a[7] == 1.0f && b[7] == 2.0f && c[7] == 1.0f);
    tear_down(&f);
}

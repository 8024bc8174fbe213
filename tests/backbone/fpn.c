// Feature pyramids: names, shapes, the three kinds of extra levels.
#include <criterion/criterion.h>

#include "backbone/fpn.h"

#define MUST(expression) cr_assert((expression) == OK, "%s", fail_message())

struct fixture {
    struct backend *backend;
    struct tape *tape;
    struct params *params;
    struct fpn *fpn;
};

static void create(struct fixture *f, const struct fpn_config *config)
{
    *f = (struct fixture){0};
    MUST(backend_create_cpu(1, &f->backend));
    MUST(tape_create(f->backend, &f->tape));
    MUST(params_create(f->backend, &f->params));
    MUST(fpn_create(config, f->params, "backbone.fpn.", &f->fpn));
}

static void tear_down(struct fixture *f)
{
    fpn_destroy(f->fpn);
    params_destroy(f->params);
    tape_destroy(f->tape);
    backend_destroy(f->backend);
}

// Maps of an image of 800x1088 from stride 2^first on, dry.
static void run(struct fixture *f, const struct fpn_config *config, int first,
                struct tensor *p[FPN_MAX_OUT])
{
    struct tensor *c[FPN_MAX_IN];
    f->tape->dry = true;
    for (int i = 0; i < config->n_in; i++) {
        const int64_t shape[4] = {1, 800 >> (first + i), 1088 >> (first + i),
                                  config->in_channels[i]};
        MUST(tape_tensor(f->tape, DTYPE_F32, 4, shape, &c[i]));
    }
    MUST(fpn_forward(f->fpn, f->tape, c, p));
}

Test(fpn, retinanet_levels)
{
    static const int grids[5][2] = {{100, 136}, {50, 68}, {25, 34}, {13, 17}, {7, 9}};
    struct fpn_config config = {.n_in = 3,
                                .in_channels = {512, 1024, 2048},
                                .out_channels = 256,
                                .extra = FPN_P6_P7};
    for (int from_c5 = 0; from_c5 < 2; from_c5++) {
        struct fixture f;
        struct tensor *p[FPN_MAX_OUT];
        config.p6_from_input = from_c5;
        create(&f, &config);
        cr_assert_eq(fpn_levels(f.fpn), 5);
        run(&f, &config, 3, p);
        for (int i = 0; i < 5; i++)
            cr_expect(p[i]->shape[1] == grids[i][0] && p[i]->shape[2] == grids[i][1] &&
                      p[i]->shape[3] == 256);
        const struct param *p6 = params_find(f.params, "backbone.fpn.extra_blocks.p6.weight");
        cr_assert(p6 != NULL);
        cr_expect_eq(p6->tensor.shape[3], from_c5 ? 2048 : 256);
        tear_down(&f);
    }
}

Test(fpn, mask_rcnn_levels)
{
    static const int grids[5][2] = {{200, 272}, {100, 136}, {50, 68}, {25, 34}, {13, 17}};
    struct fpn_config config = {.n_in = 4,
                                .in_channels = {64, 128, 256, 512},
                                .out_channels = 256,
                                .extra = FPN_MAX_POOL};
    struct fixture f;
    struct tensor *p[FPN_MAX_OUT];
    create(&f, &config);
    cr_assert_eq(fpn_levels(f.fpn), 5);
    run(&f, &config, 2, p);
    for (int i = 0; i < 5; i++)
        cr_expect(p[i]->shape[1] == grids[i][0] && p[i]->shape[2] == grids[i][1]);
    cr_expect_not_null(params_find(f.params, "backbone.fpn.inner_blocks.3.0.weight"));
    cr_expect_not_null(params_find(f.params, "backbone.fpn.layer_blocks.0.0.bias"));
    cr_expect_null(params_find(f.params, "backbone.fpn.extra_blocks.p6.weight"));
    tear_down(&f);
}

Test(fpn, last_level_is_every_second_pixel)
{
    struct fpn_config config = {
        .n_in = 1, .in_channels = {1}, .out_channels = 1, .extra = FPN_MAX_POOL};
    struct fixture f;
    struct tensor *c, *p[FPN_MAX_OUT];
    const int64_t shape[4] = {1, 5, 7, 1};
    float values[35];
    for (int i = 0; i < 35; i++) values[i] = (float)(i * i % 11);
    create(&f, &config);
    MUST(params_layout(f.params, 3));
    MUST(tape_upload(f.tape, DTYPE_F32, 4, shape, values, &c));
    MUST(fpn_forward(f.fpn, f.tape, &c, p));
    cr_assert(p[1]->shape[1] == 3 && p[1]->shape[2] == 4);
    const float *fine = p[0]->data, *coarse = p[1]->data;
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 4; x++)
            cr_expect_eq(coarse[y * 4 + x], fine[2 * y * 7 + 2 * x]);
    tear_down(&f);
}

Test(fpn, refuses_no_levels)
{
    struct fixture f;
    struct fpn_config config = {.n_in = 1, .in_channels = {4}, .out_channels = 4};
    create(&f, &config);
    struct fpn *other = NULL;
    config.n_in = 5;
    cr_expect_eq(fpn_create(&config, f.params, "other.", &other), ERR_USAGE);
    tear_down(&f);
}

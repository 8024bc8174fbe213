// The whole detector: sizes, refusals, learning.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "detect/detector_kind.h"
#include "fixture.h"

// Declares the parameters of a detector without memory for their values.
static void expect_totals(int depth, size_t n_parameters, size_t n_tensors)
{
    struct backend *backend;
    MUST(backend_create_cpu(1, &backend));
    struct detector *detector = mem_alloc(1, detector_retinanet.bytes);
    cr_assert(detector != NULL);
    detector->config = fixture_config(depth, NORM_FROZEN_BN, 91);
    detector->kind = &detector_retinanet;
    detector->backend = backend;
    MUST(params_create(backend, &detector->params));
    MUST(detector_retinanet.build(detector));
    cr_expect_eq(params_count(detector->params, false), n_parameters, "ResNet-%d: %zu", depth,
                 params_count(detector->params, false));
    cr_expect_eq(detector->params->n, n_tensors, "ResNet-%d: %zu", depth, detector->params->n);
    detector_destroy(detector);
    backend_destroy(backend);
}

// torchvision's published counts (ResNet-50) and what it builds for the others.
Test(retinanet, totals_as_torchvision)
{
    expect_totals(18, 21038871, 136);
    expect_totals(34, 31139607, 216);
    expect_totals(50, 34014999, 301);
    expect_totals(101, 52954903, 556);
    expect_totals(152, 68552471, 811);
}

struct shapes {
    int n;
    int64_t shape[10][4];
};

static void note_predictions(void *context, const struct tape_node *node, bool is_backward)
{
    struct shapes *shapes = context;
    if (is_backward || node->op != OP_conv2d) return;
    const char *name = node->call.in[1]->name;
    if (!strstr(name, "cls_logits") && !strstr(name, "bbox_reg")) return;
    cr_assert(shapes->n < 10);
    memcpy(shapes->shape[shapes->n++], node->call.out[0]->shape, sizeof shapes->shape[0]);
}

Test(retinanet, prediction_shapes)
{
    static const int grids[5][2] = {{100, 136}, {50, 68}, {25, 34}, {13, 17}, {7, 9}};
    struct fixture f;
    struct shapes shapes = {0};
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 91);
    const int64_t shape[4] = {2, 800, 1088, 3};
    struct tensor *images;
    fixture_create(&f, &config);
    f.tape->dry = true;
    f.tape->observer = (struct tape_observer){.context = &shapes, .after = note_predictions};
    MUST(tape_tensor(f.tape, DTYPE_F32, 4, shape, &images));
    MUST(detector_forward(f.detector, f.tape, images));
    cr_assert_eq(shapes.n, 10);
    for (int i = 0; i < 10; i++) {
        const int64_t *s = shapes.shape[i];
        cr_expect(s[0] == 2 && s[1] == grids[i / 2][0] && s[2] == grids[i / 2][1] &&
                  s[3] == (i % 2 ? 36 : 819));
    }
    fixture_destroy(&f);
}

static void expect_refused(struct detector_config config, const char *word)
{
    struct backend *backend;
    struct detector *detector = NULL;
    MUST(backend_create_cpu(1, &backend));
    cr_expect_eq(detector_create(&config, backend, &detector), ERR_USAGE);
    cr_expect(strstr(fail_message(), word) != NULL, "%s", fail_message());
    backend_destroy(backend);
}

Test(retinanet, refusals)
{
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 0);
    expect_refused(config, "0 classes");
    config = fixture_config(18, NORM_FROZEN_BN, 4);
    config.retinanet.prior = 1;
    expect_refused(config, "prior");
    config = fixture_config(18, NORM_FROZEN_BN, 4);
    config.retinanet.top_k = 0;
    expect_refused(config, "top_k");
    config = fixture_config(18, NORM_FROZEN_BN, 4);
    config.retinanet.match_low = 0.6;
    expect_refused(config, "match_low");
    config = fixture_config(18, NORM_FROZEN_BN, 4);
    config.backbone.pools[POOL_GLOBAL].def = pool_find("avg");
    expect_refused(config, "global pool");
    config = fixture_config(19, NORM_FROZEN_BN, 4);
    expect_refused(config, "ResNet-19");
}

// Two images with a bright square each; storage is static.
enum { SIDE = 64, N = 2, G = 2, N_STEPS = 40 };
static float images[N * SIDE * SIDE * 3], sizes[N * 2], boxes[N * G * 4];
static int original_sizes[N * 2];
static int64_t image_ids[N] = {11, 12};
static int32_t labels[N * G], counts[N];

static struct batch two_squares(void)
{
    static const int begin[N] = {8, 24}, side[N] = {32, 36};
    struct rng rng;
    rng_start(&rng, 3, RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        for (int p = 0; p < SIDE * SIDE; p++) {
            int x = p % SIDE - begin[i], y = p / SIDE - begin[i];
            bool inside = x >= 0 && x < side[i] && y >= 0 && y < side[i];
            for (int c = 0; c < 3; c++)
                images[(i * SIDE * SIDE + p) * 3 + c] =
                    rng_uniform(&rng, -0.2f, 0.2f) + (inside ? (c == i ? 2.0f : 0.0f) : -1.0f);
        }
        for (int k = 0; k < 4; k++)
            boxes[i * G * 4 + k] = (float)(begin[i] + (k < 2 ? 0 : side[i]));
        labels[i * G] = i + 1;
        counts[i] = 1;
        sizes[2 * i] = sizes[2 * i + 1] = SIDE;
        original_sizes[2 * i] = SIDE;     // height
        original_sizes[2 * i + 1] = 2 * SIDE; // stored twice as wide
    }
    return (struct batch){.n = N,
                          .height = SIDE,
                          .width = SIDE,
                          .images = images,
                          .sizes = sizes,
                          .original_sizes = original_sizes,
                          .image_ids = image_ids,
                          .max_objects = G,
                          .boxes = boxes,
                          .labels = labels,
                          .counts = counts};
}

Test(retinanet, learns_two_images)
{
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_GN, 3);
    struct batch batch = two_squares();
    struct detections found;
    double first = 0, last = 0;
    config.backbone.trainable_layers = 1; // less to compute
    fixture_create(&f, &config);
    for (uint32_t step = 0; step < N_STEPS; step++) {
        float lr = 0.1f * (1.0f - (float)step / N_STEPS);
        last = fixture_train_step(&f, &batch, lr, step);
        cr_assert(f.n_losses == 2 && f.n_roots == 10);
        if (step == 0) first = last;
    }
    cr_expect(last < 0.3 * first, "loss %g after %g", last, first);
    MUST(detector_detect(f.detector, f.tape, &batch, &found));
    for (int i = 0; i < N; i++) {
        const float *got = found.boxes + 4 * i * found.capacity;
        // Detections come in the stored image's coordinates, which are twice as wide here.
        float want[4];
        for (int k = 0; k < 4; k++) want[k] = boxes[i * G * 4 + k] * (k % 2 == 0 ? 2.0f : 1.0f);
        cr_assert(found.counts[i] >= 1, "nothing found in image %d", i);
        cr_expect_eq(found.labels[i * found.capacity], i + 1);
        cr_expect(fixture_iou(got, want) > 0.7, "(%g, %g, %g, %g)", (double)got[0], (double)got[1],
                  (double)got[2], (double)got[3]);
    }
    detections_free(&found);
    fixture_destroy(&f);
}

Test(retinanet, images_without_objects)
{
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 3);
    struct batch batch = two_squares();
    counts[0] = counts[1] = 0;
    config.backbone.trainable_layers = 0;
    fixture_create(&f, &config);
    double loss = fixture_train_step(&f, &batch, 0.01f, 0);
    cr_assert(f.n_losses == 2 && f.n_roots == 10);
    cr_expect(isfinite(loss) && loss > 0, "%g", loss);
    fixture_destroy(&f);
}

Test(retinanet, bad_targets_are_refused)
{
    struct fixture f;
    struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 3);
    struct detector_losses losses;
    fixture_create(&f, &config);
    struct batch batch = two_squares();
    labels[G] = 3;
    cr_expect_eq(detector_losses(f.detector, f.tape, &batch, &losses), ERR_DATA);
    cr_expect(strstr(fail_message(), "image 12, object 0: label 3") != NULL, "%s", fail_message());
    batch = two_squares();
    boxes[2] = boxes[0];
    cr_expect_eq(detector_losses(f.detector, f.tape, &batch, &losses), ERR_DATA);
    cr_expect(strstr(fail_message(), "image 11, object 0") != NULL, "%s", fail_message());
    batch = two_squares();
    boxes[1] = NAN;
    cr_expect_eq(detector_losses(f.detector, f.tape, &batch, &losses), ERR_DATA);
    batch = two_squares();
    counts[1] = G + 1;
    cr_expect_eq(detector_losses(f.detector, f.tape, &batch, &losses), ERR_DATA);
    fixture_destroy(&f);
}

// What a frozen stage computes is neither recorded nor differentiated.
Test(retinanet, freezing_shortens_the_tape)
{
    size_t nodes[2];
    for (int frozen = 0; frozen < 2; frozen++) {
        struct fixture f;
        struct detector_config config = fixture_config(18, NORM_FROZEN_BN, 3);
        struct detector_losses losses;
        struct batch batch = two_squares();
        config.backbone.trainable_layers = frozen ? 0 : 5;
        fixture_create(&f, &config);
        f.tape->recording = f.tape->training = true;
        MUST(detector_losses(f.detector, f.tape, &batch, &losses));
        cr_expect(losses.n == 2 && losses.n_roots == 10); // of each level
        nodes[frozen] = f.tape->n_nodes;
        fixture_destroy(&f);
    }
    // 20 convolutions and the stem's pool.
    cr_expect_eq(nodes[0] - nodes[1], 21, "%zu and %zu", nodes[0], nodes[1]);
}

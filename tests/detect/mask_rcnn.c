// Faster and Mask R-CNN as wholes: sizes, refusals, learning.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "detect/detector_kind.h"
#include "detect/paste_mask.h"
#include "fixture.h"

// Declares the parameters of a detector without memory for their values.
static void expect_totals(const struct detector_kind *kind, enum detector_type type, int depth,
                          size_t n_parameters, size_t n_tensors)
{
    struct backend *backend;
    MUST(backend_create_cpu(1, &backend));
    struct detector *detector = mem_alloc(1, kind->bytes);
    cr_assert(detector != NULL);
    detector->config = fixture_rcnn_config(depth, type, 91);
    detector->kind = kind;
    detector->backend = backend;
    MUST(params_create(backend, &detector->params));
    MUST(kind->build(detector));
    cr_expect_eq(params_count(detector->params, false), n_parameters, "ResNet-%d: %zu", depth,
                 params_count(detector->params, false));
    cr_expect_eq(detector->params->n, n_tensors, "ResNet-%d: %zu", depth, detector->params->n);
    detector_destroy(detector);
    backend_destroy(backend);
}

// torchvision's published counts (ResNet-50) and what it builds for the others.
Test(rcnn, totals_as_torchvision)
{
    expect_totals(&detector_mask_rcnn, DETECTOR_MASK_RCNN, 18, 31376113, 142);
    expect_totals(&detector_mask_rcnn, DETECTOR_MASK_RCNN, 34, 41476849, 222);
    expect_totals(&detector_mask_rcnn, DETECTOR_MASK_RCNN, 50, 44401393, 307);
    expect_totals(&detector_mask_rcnn, DETECTOR_MASK_RCNN, 101, 63341297, 562);
    expect_totals(&detector_mask_rcnn, DETECTOR_MASK_RCNN, 152, 78938865, 817);
    expect_totals(&detector_faster_rcnn, DETECTOR_FASTER_RCNN, 50, 41755286, 295);
}

static double deviation_of(const struct fixture *f, const char *name, double *largest)
{
    const struct param *p = params_find(detector_params(f->detector), name);
    cr_assert(p != NULL, "no %s", name);
    const float *values = p->tensor.data;
    size_t n = tensor_count(&p->tensor);
    double sum = 0;
    *largest = 0;
    for (size_t i = 0; i < n; i++) {
        sum += pow((double)values[i], 2);
        *largest = fmax(*largest, fabs((double)values[i]));
    }
    return sqrt(sum / (double)n);
}

static void expect_deviation(const struct fixture *f, const char *name, double deviation,
                             double bound)
{
    double largest, got = deviation_of(f, name, &largest);
    cr_expect(fabs(got - deviation) <= 0.1 * deviation, "%s: deviation %g, expected %g", name, got,
              deviation);
    if (bound > 0) cr_expect_leq(largest, bound * 1.0001, "%s: %g", name, largest);
}

// As torchvision initialises its heads.
Test(rcnn, initial_values)
{
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 91);
    double fc6 = 1 / sqrt(12544), fc7 = 1.0 / 32, third = sqrt(3);
    fixture_create(&f, &config);
    expect_deviation(&f, "rpn.head.conv.0.0.weight", 0.01, 0);
    expect_deviation(&f, "rpn.head.bbox_pred.weight", 0.01, 0);
    expect_deviation(&f, "rpn.head.conv.0.0.bias", 0, 0);
    expect_deviation(&f, "roi_heads.box_head.fc6.weight", fc6 / third, fc6);
    expect_deviation(&f, "roi_heads.box_head.fc6.bias", fc6 / third, fc6);
    expect_deviation(&f, "roi_heads.box_head.fc7.weight", fc7 / third, fc7);
    expect_deviation(&f, "roi_heads.box_predictor.bbox_pred.weight", fc7 / third, fc7);
    expect_deviation(&f, "roi_heads.box_predictor.bbox_pred.bias", fc7 / third, fc7);
    expect_deviation(&f, "roi_heads.mask_head.2.0.weight", sqrt(2.0 / (9 * 256)), 0);
    expect_deviation(&f, "roi_heads.mask_head.2.0.bias", 0, 0);
    expect_deviation(&f, "roi_heads.mask_predictor.conv5_mask.weight", sqrt(2.0 / 1024), 0);
    expect_deviation(&f, "roi_heads.mask_predictor.conv5_mask.bias", 1 / 32.0 / third, 1 / 32.0);
    expect_deviation(&f, "roi_heads.mask_predictor.mask_fcn_logits.weight", sqrt(2.0 / 91), 0);
    expect_deviation(&f, "roi_heads.mask_predictor.mask_fcn_logits.bias", 1 / 16.0 / third,
                     1 / 16.0);
    fixture_destroy(&f);
}

static void expect_refused(const struct detector_config *config, const char *word)
{
    struct backend *backend;
    struct detector *detector = NULL;
    MUST(backend_create_cpu(1, &backend));
    cr_expect_eq(detector_create(config, backend, &detector), ERR_USAGE);
    cr_expect(strstr(fail_message(), word) != NULL, "%s", fail_message());
    backend_destroy(backend);
}

#define REFUSED(change, word)                                                                      \
    do {                                                                                           \
        struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 4);            \
        change;                                                                                    \
        expect_refused(&config, word);                                                             \
    } while (0)

Test(rcnn, refusals)
{
    REFUSED(config.n_classes = 1, "1 classes");
    REFUSED(config.type = (enum detector_type)7, "detector type 7");
    REFUSED(config.backbone.depth = 19, "ResNet-19");
    REFUSED(config.backbone.pools[POOL_GLOBAL].def = pool_find("avg"), "global pool");
    REFUSED(config.rpn.anchor_sizes[3] = 0, "size 0");
    REFUSED(config.rpn.match_low = 0.8, "match_low");
    REFUSED(config.rpn.samples = 0, "0 samples");
    REFUSED(config.rpn.positive_fraction = NAN, "positive");
    REFUSED(config.rpn.top_k = 0, "top_k");
    REFUSED(config.rpn.train_keep = -1, "keep");
    REFUSED(config.roi.samples = 0, "0 samples");
    REFUSED(config.roi.samples = 3, "positive");
    REFUSED(config.roi.positive_fraction = 1.5, "1.5");
    REFUSED(config.roi.sampling_ratio = -1, "sampling_ratio");
    REFUSED(config.roi.score_threshold = -0.1, "score_threshold");
    REFUSED(config.roi.max_detections = 0, "max_detections");
}

// Two images with a bright square each, of another colour; storage is static.
enum { SIDE = 96, N = 2, G = 2, N_STEPS = 36 };
static float images[N * SIDE * SIDE * 3], sizes[N * 2], boxes[N * G * 4];
static int original_sizes[N * 2];
static int64_t image_ids[N] = {11, 12}, mask_starts[N * G];
static int32_t labels[N * G], counts[N], mask_frames[N * G * 4];
static uint8_t masks[N * SIDE * SIDE];
static const int begin[N] = {16, 40}, side[N] = {48, 40};

static struct batch two_squares(void)
{
    struct rng rng;
    size_t n_masks = 0;
    rng_start(&rng, 3, RNG_TEST, 0);
    for (int i = 0; i < N; i++) {
        for (int p = 0; p < SIDE * SIDE; p++) {
            int x = p % SIDE - begin[i], y = p / SIDE - begin[i];
            bool inside = x >= 0 && x < side[i] && y >= 0 && y < side[i];
            for (int c = 0; c < 3; c++)
                images[(i * SIDE * SIDE + p) * 3 + c] =
                    rng_uniform(&rng, -0.2f, 0.2f) + (inside ? (c == i ? 2.0f : 0.0f) : -1.0f);
        }
        for (int k = 0; k < 4; k++) {
            boxes[i * G * 4 + k] = (float)(begin[i] + (k < 2 ? 0 : side[i]));
            mask_frames[i * G * 4 + k] = k < 2 ? begin[i] : side[i];
        }
        // The left half of the square.
        mask_starts[i * G] = (int64_t)n_masks;
        for (int p = 0; p < side[i] * side[i]; p++) masks[n_masks++] = p % side[i] < side[i] / 2;
        labels[i * G] = i + 1;
        counts[i] = 1;
        sizes[2 * i] = sizes[2 * i + 1] = SIDE;
        original_sizes[2 * i] = SIDE;         // height
        original_sizes[2 * i + 1] = 2 * SIDE; // stored twice as wide
    }
    return (struct batch){.n = N, .height = SIDE, .width = SIDE, .images = images, .sizes = sizes,
                          .original_sizes = original_sizes, .image_ids = image_ids,
                          .max_objects = G, .boxes = boxes, .labels = labels, .counts = counts,
                          .masks = masks, .mask_bytes = n_masks, .mask_frames = mask_frames,
                          .mask_starts = mask_starts};
}

// Intersection over union of a found mask with the left half of the square.
static double mask_overlap(const float *probabilities, int mask_side, const float box[4], int image)
{
    static const struct paste_options options = {.method = PASTE_INTEGER, .threshold = 0.5f};
    static uint8_t got[2 * SIDE * SIDE];
    struct rle rle = {0};
    int both = 0, either = 0;
    MUST(paste_mask(probabilities, mask_side, box, &options, SIDE, 2 * SIDE, &rle));
    rle_decode(&rle, got);
    rle_free(&rle);
    for (int p = 0; p < 2 * SIDE * SIDE; p++) {
        int x = p % (2 * SIDE) / 2 - begin[image], y = p / (2 * SIDE) - begin[image];
        bool want = x >= 0 && x < side[image] / 2 && y >= 0 && y < side[image];
        both += want && got[p];
        either += want || got[p];
    }
    return (double)both / either;
}

static void expect_learned(const struct detector_config *config)
{
    struct fixture f;
    struct batch batch = two_squares();
    struct detections found;
    double first = 0, last = 0;
    fixture_create(&f, config);
    for (uint32_t step = 0; step < N_STEPS; step++) {
        float lr = 0.1f * (1.0f - (float)step / N_STEPS);
        last = fixture_train_step(&f, &batch, lr, step);
        if (step == 0) first = last;
    }
    cr_expect(last < 0.3 * first, "loss %g after %g", last, first);
    MUST(detector_detect(f.detector, f.tape, &batch, &found));
    for (int i = 0; i < N; i++) {
        size_t slot = (size_t)(i * found.capacity);
        const float *got = found.boxes + 4 * slot;
        // Detections come in the stored image's coordinates, which are twice as wide here.
        float want[4];
        for (int k = 0; k < 4; k++) want[k] = boxes[i * G * 4 + k] * (k % 2 == 0 ? 2.0f : 1.0f);
        cr_assert(found.counts[i] >= 1, "nothing found in image %d", i);
        cr_expect_eq(found.labels[slot], i + 1);
        cr_expect(fixture_iou(got, want) > 0.7, "(%g, %g, %g, %g)", (double)got[0], (double)got[1],
                  (double)got[2], (double)got[3]);
        if (config->type != DETECTOR_MASK_RCNN) continue;
        size_t area = (size_t)(found.mask_side * found.mask_side);
        double iou = mask_overlap(found.masks + slot * area, found.mask_side, got, i);
        cr_expect(iou > 0.7, "mask of image %d: IoU %g", i, iou);
    }
    detections_free(&found);
    fixture_destroy(&f);
}

static struct detector_config learner(enum detector_type type)
{
    struct detector_config config = fixture_rcnn_config(18, type, 3);
    config.backbone.norm = NORM_GN;
    config.backbone.trainable_layers = 1; // less to compute
    config.roi.samples = 16;
    return config;
}

Test(rcnn, learns_two_images)
{
    struct detector_config config = learner(DETECTOR_MASK_RCNN);
    expect_learned(&config);
}

// Every option that changes what is computed, at once.
Test(rcnn, learns_with_all_options)
{
    struct detector_config config = learner(DETECTOR_MASK_RCNN);
    config.exact_anchors = true;
    config.rpn.box_loss = config.roi.box_loss = BOX_LOSS_GIOU;
    config.rpn.fixed_normalizer = true;
    config.roi.aligned = true;
    config.roi.sampling_ratio = 0;
    config.roi.class_agnostic = config.mask.class_agnostic = true;
    expect_learned(&config);
}

Test(rcnn, class_agnostic_heads_have_one_output)
{
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 5);
    config.roi.class_agnostic = config.mask.class_agnostic = true;
    fixture_create(&f, &config);
    const struct params *p = detector_params(f.detector);
    cr_expect_eq(params_find(p, "roi_heads.box_predictor.bbox_pred.bias")->tensor.shape[0], 4);
    cr_expect_eq(params_find(p, "roi_heads.mask_predictor.mask_fcn_logits.bias")->tensor.shape[0],
                 1);
    fixture_destroy(&f);
}

Test(rcnn, images_without_objects)
{
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 3);
    struct batch batch = two_squares();
    counts[0] = counts[1] = 0;
    batch.masks = NULL;
    batch.mask_bytes = 0;
    config.backbone.trainable_layers = 0;
    fixture_create(&f, &config);
    double loss = fixture_train_step(&f, &batch, 0.01f, 0);
    cr_expect(isfinite(loss) && loss > 0, "%g", loss);
    fixture_destroy(&f);
}

Test(rcnn, bad_targets_are_refused)
{
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(18, DETECTOR_MASK_RCNN, 3);
    struct detector_losses losses;
    fixture_create(&f, &config);
    struct batch batch = two_squares();
    labels[G] = 0;
    cr_expect_eq(detector_losses(f.detector, f.tape, &batch, &losses), ERR_DATA);
    cr_expect(strstr(fail_message(), "image 12, object 0: label 0") != NULL, "%s", fail_message());
    batch = two_squares();
    batch.mask_frames = NULL;
    cr_expect_eq(detector_losses(f.detector, f.tape, &batch, &losses), ERR_DATA);
    cr_expect(strstr(fail_message(), "no masks") != NULL, "%s", fail_message());
    fixture_destroy(&f);
}

// The forward pass of benchmarks: shapes that depend on the config alone.
Test(rcnn, forward_runs_dry)
{
    struct fixture f;
    struct detector_config config = fixture_rcnn_config(50, DETECTOR_MASK_RCNN, 91);
    const int64_t shape[4] = {2, 800, 1088, 3};
    struct tensor *tensor;
    fixture_create(&f, &config);
    f.tape->dry = true;
    MUST(tape_tensor(f.tape, DTYPE_F32, 4, shape, &tensor));
    MUST(detector_forward(f.detector, f.tape, tensor));
    fixture_destroy(&f);
}

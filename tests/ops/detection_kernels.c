// What the tables of cases do not reach: sizes of real images, and extreme values.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops.h"
#include "tests/ops/boxes.h"

struct fixture {
    struct backend *backend;
    struct tape *tape;
};

static struct fixture create(void)
{
    struct fixture f;
    cr_assert_eq(backend_create_cpu(0, &f.backend), OK, "%s", fail_message());
    cr_assert_eq(tape_create(f.backend, &f.tape), OK);
    return f;
}

static void destroy(struct fixture *f)
{
    tape_destroy(f->tape);
    backend_destroy(f->backend);
}

static struct tensor *upload(struct fixture *f, enum dtype dtype, int rank, const int64_t *shape,
                             const void *host)
{
    struct tensor *t;
    cr_assert_eq(tape_upload(f->tape, dtype, rank, shape, host, &t), OK, "%s", fail_message());
    return t;
}

static size_t peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}

// The anchors of an 800x1088 image and 2,000 objects: their matrix would take 1.7 GB.
Test(match_anchors, many_objects_need_little_memory)
{
    enum { ANCHORS = 217000, OBJECTS = 2000 };
    const int64_t anchor_shape[] = {ANCHORS, 4}, gt_shape[] = {1, OBJECTS, 4}, one = 1;
    const int32_t count = OBJECTS;
    const struct match_args args = {.high = 0.5f, .low = 0.4f, .allow_low_quality = true};
    float *anchors = (float *)mem_alloc(ANCHORS, 4 * sizeof *anchors);
    float *objects = (float *)mem_alloc(OBJECTS, 4 * sizeof *objects);
    draw_boxes(anchors, ANCHORS, 800.0f, 1.0f, 1);
    draw_boxes(objects, OBJECTS, 800.0f, 1.0f, 2);
    struct fixture f = create();
    struct tensor *a = upload(&f, DTYPE_F32, 2, anchor_shape, anchors);
    struct tensor *g = upload(&f, DTYPE_F32, 3, gt_shape, objects);
    struct tensor *n = upload(&f, DTYPE_I32, 1, &one, &count), *matched, *n_positive;
    size_t before = peak_bytes();
    cr_assert_eq(match_anchors(f.tape, a, g, n, &args, &matched, &n_positive), OK);
    size_t grown = peak_bytes() - before;
    cr_expect(grown < (size_t)16 << 20, "matching took %zu bytes", grown);
    cr_expect(*(int32_t *)n_positive->data >= OBJECTS / 2);
    destroy(&f);
    mem_free(anchors);
    mem_free(objects);
}

// An object that no anchor touches claims nothing, although its best IoU of 0 is that of all.
Test(match_anchors, an_object_apart_from_all_anchors_claims_none)
{
    const float anchors[] = {0, 0, 10, 10, 20, 20, 30, 30};
    const float objects[] = {100, 100, 110, 110, 0, 0, 4, 4};
    const int64_t anchor_shape[] = {2, 4}, gt_shape[] = {1, 2, 4}, one = 1;
    const int32_t count = 2;
    const struct match_args args = {.high = 0.5f, .low = 0.4f, .allow_low_quality = true};
    struct fixture f = create();
    struct tensor *matched, *n_positive;
    cr_assert_eq(match_anchors(f.tape, upload(&f, DTYPE_F32, 2, anchor_shape, anchors),
                               upload(&f, DTYPE_F32, 3, gt_shape, objects),
                               upload(&f, DTYPE_I32, 1, &one, &count), &args, &matched,
                               &n_positive),
                 OK);
    const int32_t *match = (const int32_t *)matched->data;
    cr_expect_eq(match[0], 1); // IoU 0.16, but nobody is nearer to that object
    cr_expect_eq(match[1], MATCH_NONE);
    cr_expect_eq(*(int32_t *)n_positive->data, 1);
    destroy(&f);
}

static void focal_of(float x, int32_t match, float *loss, float *gradient)
{
    const int64_t map[] = {1, 1, 1, 1}, row[] = {1, 1}, one = 1;
    const int32_t label = 0, positive = 1;
    const struct focal_loss_args args = {.n_classes = 1, .alpha = 0.25f, .gamma = 2.0f};
    struct fixture f = create();
    f.tape->recording = true;
    struct tensor *logits = upload(&f, DTYPE_F32, 4, map, &x), *out;
    logits->needs_grad = true;
    cr_assert_eq(focal_loss(f.tape, logits, upload(&f, DTYPE_I32, 2, row, &match),
                            upload(&f, DTYPE_I32, 2, row, &label),
                            upload(&f, DTYPE_I32, 1, &one, &positive), &args, &out),
                 OK);
    *loss = *(float *)out->data;
    cr_assert_eq(tape_backward(f.tape, 1, &out, 1.0f), OK, "%s", fail_message());
    *gradient = *(float *)logits->grad;
    destroy(&f);
}

// Far from 0 the loss grows like the logit or vanishes; the gradient tends to a constant.
Test(focal_loss, is_stable_for_large_logits)
{
    const float sizes[] = {20.0f, 80.0f, 100.0f, 1e4f, 1e30f};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        float loss, gradient, x = sizes[i];
        focal_of(x, MATCH_NONE, &loss, &gradient);
        cr_expect_float_eq(loss, 0.75f * x, 1e-5f * x, "background at %g: %g", (double)x,
                           (double)loss);
        cr_expect_float_eq(gradient, 0.75f, 1e-4f, "slope %g", (double)gradient);
        focal_of(-x, 0, &loss, &gradient);
        cr_expect_float_eq(loss, 0.25f * x, 1e-5f * x, "object at %g: %g", (double)-x,
                           (double)loss);
        cr_expect_float_eq(gradient, -0.25f, 1e-4f, "slope %g", (double)gradient);
        focal_of(-x, MATCH_NONE, &loss, &gradient);
        cr_expect(loss >= 0.0f && loss < 1e-20f, "background at %g: %g", (double)-x, (double)loss);
        cr_expect(gradient >= 0.0f && gradient < 1e-20f);
    }
}

Test(focal_loss, nan_stays_visible)
{
    float loss, gradient;
    focal_of(NAN, MATCH_NONE, &loss, &gradient);
    cr_expect(isnan(loss) && isnan(gradient));
    focal_of(NAN, 0, &loss, &gradient);
    cr_expect(isnan(loss) && isnan(gradient));
    focal_of(NAN, MATCH_IGNORED, &loss, &gradient);
    cr_expect_eq(loss, 0.0f);
    cr_expect_eq(gradient, 0.0f);
}

// A million logits, far more above the threshold than are wanted, many of them equal: the same
// result for any number of threads, and that of taking the best again and again.
Test(select_detections, the_best_of_many)
{
    enum { SIDE = 100, ANCHORS = SIDE * SIDE, CLASSES = 90, TOP = 1000 };
    const int64_t logit_shape[] = {1, SIDE, SIDE, CLASSES}, delta_shape[] = {1, SIDE, SIDE, 4};
    const int64_t anchor_shape[] = {ANCHORS, 4}, size_shape[] = {1, 2}, offset = 0;
    const float size[2] = {800, 800};
    const struct select_args args = {
        .top_k = TOP, .n_classes = CLASSES, .score_threshold = 0.05f, .weights = {1, 1, 1, 1}};
    size_t n = (size_t)ANCHORS * CLASSES;
    float *logits = (float *)mem_alloc(n, sizeof *logits);
    float *deltas = (float *)mem_alloc(ANCHORS, 4 * sizeof *deltas);
    float *anchors = (float *)mem_alloc(ANCHORS, 4 * sizeof *anchors);
    int *above = (int *)mem_alloc(1001, sizeof *above);
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, 9);
    for (size_t i = 0; i < n; i++) {
        uint32_t step = rng_below(&rng, 1001);
        logits[i] = (float)step * 0.008f - 4.0f;
        above[step]++;
    }
    draw_boxes(anchors, ANCHORS, 800.0f, 1.0f, 3);
    struct tensor *boxes, *scores, *labels;
    float *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        struct fixture f = {NULL, NULL};
        cr_assert_eq(backend_create_cpu(threads, &f.backend), OK);
        cr_assert_eq(tape_create(f.backend, &f.tape), OK);
        struct tensor *l = upload(&f, DTYPE_F32, 4, logit_shape, logits);
        struct tensor *d = upload(&f, DTYPE_F32, 4, delta_shape, deltas);
        cr_assert_eq(select_detections(f.tape, 1, &l, &d, &offset,
                                       upload(&f, DTYPE_F32, 2, anchor_shape, anchors),
                                       upload(&f, DTYPE_F32, 2, size_shape, size), &args, &boxes,
                                       &scores, &labels),
                     OK, "%s", fail_message());
        const float *score = (const float *)scores->data;
        int step = 1000, left = above[1000];
        for (int i = 0; i < TOP; i++) {
            while (left == 0) left = above[--step];
            left--;
            float wanted = 1.0f / (1.0f + expf(-((float)step * 0.008f - 4.0f)));
            cr_assert_float_eq(score[i], wanted, 1e-6f, "slot %d", i);
        }
        if (!first) {
            first = (float *)mem_alloc(TOP, 4 * sizeof *first);
            memcpy(first, boxes->data, TOP * 4 * sizeof *first);
        }
        cr_expect_eq(memcmp(first, boxes->data, TOP * 4 * sizeof *first), 0, "%d threads", threads);
        destroy(&f);
    }
    mem_free(first);
    mem_free(logits);
    mem_free(deltas);
    mem_free(anchors);
    mem_free(above);
}

// The threshold is a double: 0.6 lies below the float nearest to it, so an IoU of exactly that
// float suppresses.
Test(nms, threshold_is_compared_in_double)
{
    const float boxes[] = {0, 0, 10, 1, 0, 0, 6, 1};
    const float scores[] = {0.9f, 0.8f};
    const int32_t labels[] = {1, 1};
    const int64_t shape[] = {1, 2, 4};
    struct fixture f = create();
    struct tensor *b = upload(&f, DTYPE_F32, 3, shape, boxes);
    struct tensor *s = upload(&f, DTYPE_F32, 2, shape, scores);
    struct tensor *l = upload(&f, DTYPE_I32, 2, shape, labels), *keep, *n_keep;
    struct nms_args args = {.iou_threshold = 0.6, .max_keep = 2};
    cr_assert_eq(nms(f.tape, b, s, l, &args, &keep, &n_keep), OK);
    cr_expect_eq(*(int32_t *)n_keep->data, 1);
    args.iou_threshold = (double)0.6f;
    cr_assert_eq(nms(f.tape, b, s, l, &args, &keep, &n_keep), OK);
    cr_expect_eq(*(int32_t *)n_keep->data, 2);
    destroy(&f);
}

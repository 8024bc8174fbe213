// What the tables of cases do not reach: numbers of threads, chance, refused contents, boxes that
// are not finite.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"

struct fixture {
    struct backend *backend;
    struct tape *tape;
};

static struct fixture create(int n_threads)
{
    struct fixture f;
    cr_assert_eq(backend_create_cpu(n_threads, &f.backend), OK, "%s", fail_message());
    cr_assert_eq(tape_create(f.backend, &f.tape), OK);
    f.tape->recording = true;
    return f;
}

static void destroy(struct fixture *f)
{
    tape_destroy(f->tape);
    backend_destroy(f->backend);
}

static struct tensor *upload(struct fixture *f, enum dtype dtype, int64_t a, int64_t b,
                             const void *host)
{
    const int64_t shape[] = {a, b};
    struct tensor *t;
    cr_assert_eq(tape_upload(f->tape, dtype, b ? 2 : 1, shape, host, &t), OK, "%s", fail_message());
    return t;
}

static struct tensor *upload_map(struct fixture *f, int64_t n, int64_t h, int64_t w, int64_t c,
                                 const float *host)
{
    const int64_t shape[] = {n, h, w, c};
    struct tensor *t;
    cr_assert_eq(tape_upload(f->tape, DTYPE_F32, 4, shape, host, &t), OK, "%s", fail_message());
    t->needs_grad = true;
    return t;
}

static float *draw(size_t n, uint32_t key)
{
    float *values = (float *)mem_alloc(n, sizeof *values);
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, key);
    for (size_t i = 0; i < n; i++) values[i] = rng_uniform(&rng, -1.0f, 1.0f);
    return values;
}

Test(roi_align, gradients_do_not_depend_on_threads)
{
    enum {
        ROIS = 90,
        SIDE = 50,
        CHANNELS = 33,
        MAP = 2 * SIDE * SIDE * CHANNELS,
        Y = ROIS * 49 * CHANNELS
    };
    const struct roi_align_args args = {.n_levels = 1, .scales = {0.25f}, .size = 7};
    float *boxes = (float *)mem_alloc(ROIS, 4 * sizeof *boxes), *map = draw(MAP, 1);
    float *dy = draw(Y, 2);
    int32_t image[ROIS];
    const int32_t count = ROIS;
    draw_boxes(boxes, ROIS, 200.0f, 0.25f, 1);
    for (int i = 0; i < ROIS; i++) image[i] = i / 45;
    float *first = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        struct fixture f = create(threads);
        struct tensor *maps = upload_map(&f, 2, SIDE, SIDE, CHANNELS, map), *y;
        cr_assert_eq(roi_align(f.tape, upload(&f, DTYPE_F32, ROIS, 4, boxes),
                               upload(&f, DTYPE_I32, ROIS, 0, image),
                               upload(&f, DTYPE_I32, 1, 0, &count), NULL, &maps, &args, &y),
                     OK, "%s", fail_message());
        const struct op_backward_call backward = {.forward = &f.tape->nodes[0]->call,
                                                  .want = {[4] = true}};
        y->grad = upload(&f, DTYPE_F32, Y, 0, dy)->data;
        maps->grad = upload(&f, DTYPE_F32, MAP, 0, map)->data;
        cr_assert_eq(f.backend->kernels[OP_roi_align].backward(&backward), OK);
        if (!first) {
            first = (float *)mem_alloc(MAP, sizeof *first);
            memcpy(first, maps->grad, MAP * sizeof *first);
        }
        cr_expect_eq(memcmp(first, maps->grad, MAP * sizeof *first), 0, "%d threads", threads);
        destroy(&f);
    }
    mem_free(first);
    mem_free(boxes);
    mem_free(map);
    mem_free(dy);
}

// Boxes of a network that diverges neither crash nor hang, and leave the other RoIs alone.
Test(roi_align, boxes_that_are_not_finite)
{
    const float boxes[][4] = {{NAN, 0, 10, 10},      {0, 0, INFINITY, 10}, {-INFINITY, 0, 10, 10},
                              {-1e30f, 0, 1e30f, 9}, {30, 30, 3, 3},       {2, 2, 18, 18}};
    const int32_t image[6] = {0}, count = 6;
    float map[100];
    for (int i = 0; i < 100; i++) map[i] = 1.0f;
    for (int ratio = 0; ratio <= 2; ratio += 2)
        for (int aligned = 0; aligned < 2; aligned++) {
            const struct roi_align_args args = {.n_levels = 1,
                                                .scales = {0.5f},
                                                .size = 2,
                                                .sampling_ratio = ratio,
                                                .aligned = aligned != 0};
            struct fixture f = create(0);
            struct tensor *maps = upload_map(&f, 1, 10, 10, 1, map), *y;
            cr_assert_eq(roi_align(f.tape, upload(&f, DTYPE_F32, 6, 4, boxes),
                                   upload(&f, DTYPE_I32, 6, 0, image),
                                   upload(&f, DTYPE_I32, 1, 0, &count), NULL, &maps, &args, &y),
                         OK, "%s", fail_message());
            for (int k = 0; k < 4; k++) cr_expect_float_eq(((float *)y->data)[20 + k], 1.0f, 1e-6f);
            destroy(&f);
        }
}

// Every candidate is as likely as any other: of 40 negatives 8 are drawn, 500 times.
Test(sample_anchors, is_uniform)
{
    enum { ANCHORS = 40, STEPS = 500 };
    const struct sample_anchors_args args = {.n_samples = 8, .positive_fraction = 0.5f};
    int32_t matched[ANCHORS], drawn[ANCHORS] = {0};
    for (int i = 0; i < ANCHORS; i++) matched[i] = MATCH_NONE;
    struct fixture f = create(0);
    f.tape->seed = 99;
    for (uint32_t step = 0; step < STEPS; step++) {
        struct tensor *sampled, *n_sampled;
        f.tape->step = step;
        cr_assert_eq(sample_anchors(f.tape, upload(&f, DTYPE_I32, 1, ANCHORS, matched), NULL, &args,
                                    &sampled, &n_sampled),
                     OK);
        cr_assert_eq(*(int32_t *)n_sampled->data, 8);
        for (int i = 0; i < ANCHORS; i++) drawn[i] += ((uint8_t *)sampled->data)[i] != SAMPLE_NONE;
        tape_reset(f.tape);
    }
    // Binomial with n 500, p 1/5: mean 100, deviation 8.9.
    for (int i = 0; i < ANCHORS; i++)
        cr_expect(abs(drawn[i] - 100) < 5 * 9, "anchor %d drawn %d times", i, drawn[i]);
    destroy(&f);
}

Test(sample_anchors, does_not_depend_on_threads)
{
    enum { ANCHORS = 50000 };
    const struct sample_anchors_args args = {.n_samples = 256, .positive_fraction = 0.5f};
    int32_t *matched = (int32_t *)mem_alloc(ANCHORS, sizeof *matched);
    uint8_t *first = (uint8_t *)mem_alloc(ANCHORS, 1);
    for (int i = 0; i < ANCHORS; i++) matched[i] = i % 50 ? MATCH_NONE : 0;
    for (int threads = 1; threads <= 3; threads++) {
        struct fixture f = create(threads);
        struct tensor *sampled, *n_sampled;
        cr_assert_eq(sample_anchors(f.tape, upload(&f, DTYPE_I32, 1, ANCHORS, matched), NULL, &args,
                                    &sampled, &n_sampled),
                     OK);
        if (threads == 1) memcpy(first, sampled->data, ANCHORS);
        cr_expect_eq(memcmp(first, sampled->data, ANCHORS), 0, "%d threads", threads);
        destroy(&f);
    }
    mem_free(matched);
    mem_free(first);
}

// Logits that are no numbers come last and are never kept.
Test(select_proposals, nan_comes_last)
{
    const float logits[4] = {NAN, -3.0f, NAN, 5.0f}, size[2] = {100, 100};
    const float anchors[16] = {0, 0, 9, 9, 1, 1, 9, 9, 2, 2, 9, 9, 3, 3, 9, 9};
    const float deltas[16] = {[15] = NAN};
    const struct select_proposals_args args = {.top_k = 3, .weights = {1, 1, 1, 1}};
    const struct nms_args keep_all = {.iou_threshold = 1.0, .max_keep = 3};
    const int64_t offset = 0;
    struct fixture f = create(0);
    struct tensor *l = upload_map(&f, 1, 2, 2, 1, logits), *d = upload_map(&f, 1, 2, 2, 4, deltas);
    struct tensor *boxes, *scores, *levels, *keep, *n_keep;
    cr_assert_eq(select_proposals(f.tape, 1, &l, &d, &offset, upload(&f, DTYPE_F32, 4, 4, anchors),
                                  upload(&f, DTYPE_F32, 1, 2, size), &args, &boxes, &scores,
                                  &levels),
                 OK, "%s", fail_message());
    cr_expect_eq(((float *)scores->data)[0], -1.0f); // its box is no box
    cr_expect_float_eq(((float *)scores->data)[1], 1.0f / (1.0f + expf(3.0f)), 1e-6f);
    cr_assert_eq(nms(f.tape, boxes, scores, levels, &keep_all, &keep, &n_keep), OK);
    cr_expect_eq(*(int32_t *)n_keep->data, 1);
    cr_expect_eq(*(int32_t *)keep->data, 1);
    destroy(&f);
}

static void expect_failure(enum status status, const char *part)
{
    cr_expect_eq(status, ERR_USAGE);
    cr_expect(strstr(fail_message(), part) != NULL, "%s", fail_message());
}

// Annotations of more classes than the model has.
Test(heads, labels_beyond_the_classes_are_refused)
{
    const float logits[3] = {0}, deltas[12] = {0}, box[4] = {0, 0, 9, 9};
    const int32_t label = 3, zero = 0, one = 1;
    const int64_t box_shape[] = {1, 1, 4};
    struct fixture f = create(0);
    struct tensor *l = upload(&f, DTYPE_I32, 1, 0, &label), *n = upload(&f, DTYPE_I32, 1, 0, &one);
    struct tensor *z = upload(&f, DTYPE_I32, 1, 0, &zero), *objects, *out;
    const struct softmax_loss_args plain = {0};
    const struct roi_samples rois = {.rois = upload(&f, DTYPE_F32, 1, 4, box),
                                     .roi_image = z,
                                     .labels = l,
                                     .matched = z,
                                     .count = n,
                                     .positives = z,
                                     .n_positive = n};
    cr_assert_eq(tape_upload(f.tape, DTYPE_F32, 3, box_shape, box, &objects), OK);
    expect_failure(softmax_loss(f.tape, upload(&f, DTYPE_F32, 1, 3, logits), l, n, &plain, &out),
                   "label 3");
    const struct roi_box_loss_args boxes = {.weights = {10, 10, 5, 5}};
    expect_failure(
        roi_box_loss(f.tape, upload(&f, DTYPE_F32, 1, 12, deltas), &rois, objects, &boxes, &out),
        "label 3");
    const struct mask_loss_args masks = {.class_agnostic = false};
    struct tensor *maps = upload_map(&f, 1, 1, 1, 3, logits);
    expect_failure(
        mask_loss(f.tape, maps, upload(&f, DTYPE_F32, 1, 1, logits), &rois, &masks, &out),
        "label 3");
    expect_failure(mask_probabilities(f.tape, maps, l, n, &masks, &out), "label 3");
    destroy(&f);
}

Test(sample_rois, given_indices_beyond_the_candidates_are_refused)
{
    const float box[4] = {0, 0, 9, 9};
    const int32_t zero = 0, one = 1, beyond[4] = {0, 2, -1, -1}, positives[4] = {0, 1, -1, -1};
    const int64_t box_shape[] = {1, 1, 4};
    const struct sample_rois_args args = {.n_samples = 4, .positive_fraction = 0.25f, .iou = 0.5f};
    struct fixture f = create(0);
    struct tensor *boxes, *z = upload(&f, DTYPE_I32, 1, 1, &zero);
    struct tensor *n = upload(&f, DTYPE_I32, 1, 0, &one), *l = upload(&f, DTYPE_I32, 1, 1, &one);
    struct roi_samples samples;
    cr_assert_eq(tape_upload(f.tape, DTYPE_F32, 3, box_shape, box, &boxes), OK);
    expect_failure(sample_rois(f.tape, boxes, z, n, boxes, l, n,
                               upload(&f, DTYPE_I32, 1, 4, beyond), &args, &samples),
                   "given index 2");
    // Two positives where a quarter of four may be.
    expect_failure(sample_rois(f.tape, boxes, z, n, boxes, l, n,
                               upload(&f, DTYPE_I32, 1, 4, positives), &args, &samples),
                   "given index 1");
    destroy(&f);
}

// Decisions on more boxes than the generic cases have, against the CPU's: selections that need
// several passes, suppression in several chunks. And RoIAlign in bf16 against f32.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "cuda/backend.h"
#include "nn/ops_map.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"

enum { CPU, CUDA };
static struct backend *backends[2];
static struct tape *tapes[2];

static void start(void)
{
    cr_assert_eq(backend_create_cpu(0, &backends[CPU]), OK, "%s", fail_message());
    cr_assert_eq(backend_create_cuda(0, &backends[CUDA]), OK, "%s", fail_message());
    for (int b = 0; b < 2; b++) cr_assert_eq(tape_create(backends[b], &tapes[b]), OK);
}

static void stop(void)
{
    for (int b = 0; b < 2; b++) {
        tape_destroy(tapes[b]);
        backend_destroy(backends[b]);
    }
}

TestSuite(emulator_detection, .init = start, .fini = stop);

static struct tensor *put(int b, enum dtype dtype, int rank, int64_t n, int64_t m, int64_t k,
                          int64_t l, const void *host)
{
    const int64_t shape[4] = {n, m, k, l};
    struct tensor *t = NULL;
    cr_assert_eq(tape_upload(tapes[b], dtype, rank, shape, host, &t), OK, "%s", fail_message());
    cr_assert_eq(backends[b]->synchronize(backends[b]), OK);
    return t;
}

static void *get(int b, const void *data, size_t bytes)
{
    void *host = mem_alloc(1, bytes);
    cr_assert_eq(backends[b]->download(backends[b], host, data, bytes), OK, "%s", fail_message());
    return host;
}

static void expect_equal(struct tensor *const results[2], const char *what)
{
    size_t bytes = tensor_bytes(results[CPU]);
    void *wanted = get(CPU, results[CPU]->data, bytes);
    void *got = get(CUDA, results[CUDA]->data, bytes);
    cr_expect_eq(memcmp(got, wanted, bytes), 0, "%s differ", what);
    mem_free(wanted);
    mem_free(got);
}

static float *draw(size_t n, uint32_t kinds, float step)
{
    float *values = (float *)mem_alloc(n, sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = step * ((float)(rng_philox(3, RNG_TEST, kinds, i).v[0] % kinds) -
                            0.5f * (float)kinds);
    return values;
}

// More slots than one chunk has, few labels.
Test(emulator_detection, nms_in_chunks)
{
    enum { SLOTS = 4300 };
    const struct nms_args args = {.iou_threshold = 0.3, .max_keep = SLOTS};
    float *boxes = (float *)mem_alloc(4 * SLOTS, sizeof *boxes), *scores = draw(SLOTS, 997, 0.01f);
    int32_t *labels = (int32_t *)mem_alloc(SLOTS, sizeof *labels);
    struct tensor *keep[2], *n_keep[2];
    draw_boxes(boxes, SLOTS, 400.0f, 1.0f, 3);
    for (int i = 0; i < SLOTS; i++) {
        scores[i] += 5.0f;
        labels[i] = i % 3;
    }
    for (int b = 0; b < 2; b++)
        cr_assert_eq(nms(tapes[b], put(b, DTYPE_F32, 3, 1, SLOTS, 4, 1, boxes),
                         put(b, DTYPE_F32, 2, 1, SLOTS, 1, 1, scores),
                         put(b, DTYPE_I32, 2, 1, SLOTS, 1, 1, labels), &args, &keep[b], &n_keep[b]),
                     OK, "%s", fail_message());
    expect_equal(n_keep, "numbers kept");
    expect_equal(keep, "boxes kept");
    mem_free(boxes);
    mem_free(scores);
    mem_free(labels);
}

// Of logits that are all different, of many equal ones, and some that are no numbers.
Test(emulator_detection, proposals_by_several_passes)
{
    enum { SIDE = 150, ANCHORS = SIDE * SIDE, TOP = 600 };
    static const uint32_t kinds[] = {1u << 20, 700, 3, 1};
    float *anchors = (float *)mem_alloc(4 * ANCHORS, sizeof *anchors);
    float *deltas = (float *)mem_alloc(4 * ANCHORS, sizeof *deltas);
    const float size[2] = {300.0f, 400.0f};
    draw_boxes(anchors, ANCHORS, 200.0f, 1.0f, 4);
    for (int k = 0; k < 4; k++) {
        const struct select_proposals_args args = {.top_k = TOP, .weights = {1, 1, 1, 1}};
        const int64_t offset = 0;
        float *logits = draw(ANCHORS, kinds[k], 8.0f / (float)kinds[k]);
        for (int i = 0; i < ANCHORS; i += 1000) logits[i] = NAN;
        struct tensor *boxes[2], *scores[2], *levels[2];
        for (int b = 0; b < 2; b++) {
            struct tensor *l = put(b, DTYPE_F32, 4, 1, SIDE, SIDE, 1, logits);
            struct tensor *d = put(b, DTYPE_F32, 4, 1, SIDE, SIDE, 4, deltas);
            cr_assert_eq(select_proposals(tapes[b], 1, &l, &d, &offset,
                                          put(b, DTYPE_F32, 2, ANCHORS, 4, 1, 1, anchors),
                                          put(b, DTYPE_F32, 2, 1, 2, 1, 1, size), &args, &boxes[b],
                                          &scores[b], &levels[b]),
                         OK, "%s", fail_message());
        }
        expect_equal(boxes, "boxes of proposals");
        expect_equal(scores, "scores of proposals");
        mem_free(logits);
    }
    mem_free(anchors);
    mem_free(deltas);
}

Test(emulator_detection, draws_from_many_anchors)
{
    enum { ANCHORS = 30000 };
    const struct sample_anchors_args args = {.n_samples = 256, .positive_fraction = 0.5f};
    int32_t *matched = (int32_t *)mem_alloc(2 * ANCHORS, sizeof *matched);
    struct tensor *sampled[2], *n_sampled[2];
    for (int i = 0; i < 2 * ANCHORS; i++)
        matched[i] = i < ANCHORS && i % 5 ? i % 7 : i % 11 ? MATCH_NONE : MATCH_IGNORED;
    for (int b = 0; b < 2; b++)
        cr_assert_eq(sample_anchors(tapes[b], put(b, DTYPE_I32, 2, 2, ANCHORS, 1, 1, matched), NULL,
                                    &args, &sampled[b], &n_sampled[b]),
                     OK, "%s", fail_message());
    expect_equal(sampled, "sampled anchors");
    expect_equal(n_sampled, "their number");
    mem_free(matched);
}

// Values and gradients that bf16 holds exactly: results differ by the rounding of what is stored.
static void run_roi_align(int64_t channels, bool is_bf16, float *y_values, float *dx_values)
{
    enum { SIDE = 12, BINS = 3, ROIS = 7 };
    const struct roi_align_args args = {.n_levels = 1, .scales = {0.5f}, .size = BINS,
                                        .sampling_ratio = 2};
    const struct cast_args to_bf16 = {DTYPE_BF16}, to_f32 = {DTYPE_F32};
    const int32_t image[ROIS] = {0, 0, 0, 1, 1, 1, 1}, count = ROIS - 1;
    size_t n_x = (size_t)(2 * SIDE * SIDE * channels);
    size_t n_y = (size_t)(ROIS * BINS * BINS * channels);
    float boxes[4 * ROIS], *x_host = draw(n_x, 17, 0.25f), *dy_host = draw(n_y, 9, 0.5f);
    struct tape *tape = tapes[CUDA];
    draw_boxes(boxes, ROIS, 24.0f, 0.25f, 5);
    tape->recording = true;
    struct tensor *x = put(CUDA, DTYPE_F32, 4, 2, SIDE, SIDE, channels, x_host);
    struct tensor *map = x, *y, *wide;
    struct tensor *dy = put(CUDA, DTYPE_F32, 4, ROIS, BINS, BINS, channels, dy_host);
    x->needs_grad = true;
    if (is_bf16) cr_assert_eq(cast(tape, x, &to_bf16, &map), OK, "%s", fail_message());
    cr_assert_eq(roi_align(tape, put(CUDA, DTYPE_F32, 2, ROIS, 4, 1, 1, boxes),
                           put(CUDA, DTYPE_I32, 1, ROIS, 1, 1, 1, image),
                           put(CUDA, DTYPE_I32, 1, 1, 1, 1, 1, &count), NULL, &map, &args, &y),
                 OK, "%s", fail_message());
    cr_assert_eq(y->dtype, is_bf16 ? DTYPE_BF16 : DTYPE_F32);
    cr_assert_eq(cast(tape, y, &to_f32, &wide), OK, "%s", fail_message());
    cr_assert_eq(tape_backward_from(tape, wide, dy), OK, "%s", fail_message());
    float *y_got = (float *)get(CUDA, wide->data, n_y * sizeof(float));
    float *dx_got = (float *)get(CUDA, x->grad, n_x * sizeof(float));
    memcpy(y_values, y_got, n_y * sizeof(float));
    memcpy(dx_values, dx_got, n_x * sizeof(float));
    mem_free(y_got);
    mem_free(dx_got);
    mem_free(x_host);
    mem_free(dy_host);
    tape_reset(tape);
}

Test(emulator_detection, roi_align_in_bf16)
{
    enum { MOST = 2 * 12 * 12 * 16 };
    static const int64_t channels[] = {3, 8, 16};
    float *v[4];
    for (int i = 0; i < 4; i++) v[i] = (float *)mem_alloc(MOST, sizeof *v[i]);
    for (int c = 0; c < 3; c++) {
        run_roi_align(channels[c], false, v[0], v[1]);
        run_roi_align(channels[c], true, v[2], v[3]);
        for (int i = 0; i < 2; i++)
            for (int64_t k = 0; k < (i ? 2 * 12 * 12 : 7 * 9) * channels[c]; k++)
                cr_assert(fabsf(v[i][k] - v[2 + i][k]) <= 0x1p-8f * fabsf(v[i][k]),
                          "%s %lld of %lld channels: %g in bf16, %g in f32",
                          i ? "gradient" : "value", (long long)k, (long long)channels[c],
                          (double)v[2 + i][k], (double)v[i][k]);
    }
    for (int i = 0; i < 4; i++) mem_free(v[i]);
}

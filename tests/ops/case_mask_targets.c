#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"

// Inputs: masks, frames, starts, sizes, rois, roi_image, matched, positives, n_positive.
// Frames are drawn on images of HEIGHT x WIDTH; some reach to the borders, one holds nothing.
enum { HEIGHT = 37, WIDTH = 45, FRAME_BYTES = HEIGHT * WIDTH };
struct target_case {
    struct mask_targets_args args;
    int count;
};

#define IN(n, g, c, p)                                                                             \
    {                                                                                              \
        {.dtype = DTYPE_U8, .rank = 1, .shape = {(n) * (g)*FRAME_BYTES}},                          \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {(n) * (g), 4}},                              \
            {.dtype = DTYPE_I32, .rank = 2, .shape = {(n) * (g), 2}},                              \
            {.rank = 2, .shape = {n, 2}}, {.rank = 2, .shape = {c, 4}},                            \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {c}},                                         \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {c}},                                         \
            {.dtype = DTYPE_I32, .rank = 1, .shape = {p}},                                         \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                          \
        }                                                                                          \
    }
#define ARGS(side, g, n)                                                                           \
    &(const struct target_case)                                                                    \
    {                                                                                              \
        {.size = side, .max_objects = g}, n                                                        \
    }

static const struct op_case cases[] = {
    {.name = "1 object", .args = ARGS(28, 1, 1), .in = IN(1, 1, 1, 1)},
    {.name = "2 images", .args = ARGS(28, 5, 14), .in = IN(2, 5, 30, 14)},
    {.name = "fewer than there is room for", .args = ARGS(14, 5, 4), .in = IN(3, 5, 30, 14)},
    {.name = "coarse", .args = ARGS(3, 5, 15), .in = IN(2, 5, 30, 15)},
    {.name = "none", .args = ARGS(28, 5, 0), .in = IN(2, 5, 30, 14)},
};

static const struct op_refusal refusals[] = {
    {"no size", ARGS(0, 5, 1), IN(2, 5, 30, 14), ERR_USAGE, "size"},
    {"frames of fewer objects", ARGS(28, 6, 1), IN(2, 5, 30, 14), ERR_USAGE, "frames"},
};

static void frame_of(int64_t object, int32_t frame[4])
{
    frame[0] = (int32_t)(object % 3 * 7);
    frame[1] = (int32_t)(object % 4 * 5);
    frame[2] = object % 2 ? WIDTH - frame[0] : 20;
    frame[3] = object % 3 ? HEIGHT - frame[1] : 15;
    if (object % 7 == 6) frame[2] = frame[3] = 0;
}

static void prepare(const struct op_case *c, int input, void *data)
{
    const int64_t *shape = c->in[input].shape;
    int32_t *integers = (int32_t *)data;
    float *floats = (float *)data;
    int64_t n_images = c->in[3].shape[0], n_rois = c->in[4].shape[0];
    struct rng rng;
    rng_start(&rng, 25, RNG_TEST, 0);
    for (int64_t i = 0; input == 0 && i < shape[0]; i++)
        ((uint8_t *)data)[i] = (uint8_t)(rng_below(&rng, 4) != 0);
    for (int64_t i = 0; input == 1 && i < shape[0]; i++) frame_of(i, integers + 4 * i);
    for (int64_t i = 0; input == 2 && i < shape[0]; i++) {
        integers[2 * i] = (int32_t)(i * FRAME_BYTES);
        integers[2 * i + 1] = 0;
    }
    for (int64_t i = 0; input == 3 && i < n_images; i++) {
        floats[2 * i] = HEIGHT;
        floats[2 * i + 1] = WIDTH;
    }
    if (input == 4) {
        draw_boxes(floats, n_rois, HEIGHT, 0.125f, 1);
        for (int64_t i = 1; i < n_rois; i += 4) { // against the image's lower right corner
            floats[4 * i + 2] = WIDTH;
            floats[4 * i + 3] = HEIGHT;
        }
        for (int64_t i = 5; i < n_rois; i += 8) floats[4 * i + 1] = HEIGHT - 0.25f;
    }
    for (int64_t i = 0; input == 5 && i < n_rois; i++)
        integers[i] = (int32_t)(i * n_images / n_rois);
    for (int64_t i = 0; input == 6 && i < n_rois; i++)
        integers[i] = (int32_t)(i % ((const struct target_case *)c->args)->args.max_objects);
    for (int64_t i = 0; input == 7 && i < shape[0]; i++) integers[i] = (int32_t)(i * 2 % n_rois);
    if (input == 8) *integers = ((const struct target_case *)c->args)->count;
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *targets;
    const struct roi_samples samples = {.rois = in[4],
                                        .roi_image = in[5],
                                        .matched = in[6],
                                        .positives = in[7],
                                        .n_positive = in[8]};
    return mask_targets(tape, in[0], in[1], in[2], in[3], &samples,
                        &((const struct target_case *)args)->args, &targets);
}

static double pixel(const struct ref *in, int64_t object, int64_t y, int64_t x)
{
    const double *frame = in[1].v + 4 * object;
    y -= (int64_t)frame[1];
    x -= (int64_t)frame[0];
    if (x < 0 || y < 0 || x >= (int64_t)frame[2] || y >= (int64_t)frame[3]) return 0.0;
    return in[0].v[(int64_t)in[2].v[2 * object] + y * (int64_t)frame[2] + x];
}

// Between pixels, as torchvision's RoIAlign has it.
static double sample(const struct ref *in, int64_t object, double y, double x)
{
    if (y < -1.0 || y > HEIGHT || x < -1.0 || x > WIDTH) return 0.0;
    y = fmin(fmax(y, 0.0), HEIGHT - 1);
    x = fmin(fmax(x, 0.0), WIDTH - 1);
    int64_t top = (int64_t)y, left = (int64_t)x;
    double down = y - (double)top, right = x - (double)left;
    return (1.0 - down) * (1.0 - right) * pixel(in, object, top, left) +
           (1.0 - down) * right * pixel(in, object, top, left + 1) +
           down * (1.0 - right) * pixel(in, object, top + 1, left) +
           down * right * pixel(in, object, top + 1, left + 1);
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct target_case *own = (const struct target_case *)c->args;
    int64_t size = own->args.size;
    const int64_t shape[] = {in[7].shape[0], size, size};
    ref_shape(&out[0], 3, shape);
    for (int64_t i = 0; i < own->count * size * size; i++) {
        int64_t roi = (int64_t)in[7].v[i / size / size], y = i / size % size, x = i % size;
        int64_t object = (int64_t)in[5].v[roi] * own->args.max_objects + (int64_t)in[6].v[roi];
        const double *box = in[4].v + 4 * roi;
        double width = fmax(box[2] - box[0], 1.0) / (double)size;
        double height = fmax(box[3] - box[1], 1.0) / (double)size;
        int across = (int)ceil(width), down = (int)ceil(height);
        double sum = 0.0;
        for (int j = 0; j < down; j++)
            for (int k = 0; k < across; k++)
                sum += sample(in, object, box[1] + ((double)y + (j + 0.5) / down) * height,
                              box[0] + ((double)x + (k + 0.5) / across) * width);
        out[0].v[i] = sum / (across * down);
    }
}

const struct op_cases cases_mask_targets = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};

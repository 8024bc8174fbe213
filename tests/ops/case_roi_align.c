#include <math.h>

#include "base/rng.h"
#include "nn/ops_rcnn.h"
#include "tests/ops/boxes.h"
#include "tests/ops/case.h"

// Inputs: rois, roi_image, count, select, maps.
struct roi_case {
    struct roi_align_args args;
    float image; // boxes lie within it
    int count;
};

#define LIST(n)                                                                                    \
    {.rank = 2, .shape = {n, 4}}, {.dtype = DTYPE_I32, .rank = 1, .shape = {n}},                   \
    {                                                                                              \
        .dtype = DTYPE_I32, .rank = 1, .shape = { 1 }                                              \
    }
#define SELECT(n)                                                                                  \
    {                                                                                              \
        .dtype = DTYPE_I32, .rank = 1, .shape = { n }                                              \
    }
#define NONE                                                                                       \
    {                                                                                              \
        .rank = 0                                                                                  \
    }
#define MAP(n, h, w, c)                                                                            \
    {                                                                                              \
        .rank = 4, .shape = { n, h, w, c }                                                         \
    }
#define ARGS(levels, first, bins, ratio, is_aligned, side, n)                                      \
    &(const struct roi_case)                                                                       \
    {                                                                                              \
        {.n_levels = levels,                                                                       \
         .scales = {first, (first) / 2.0f, (first) / 4.0f, (first) / 8.0f},                        \
         .size = bins,                                                                             \
         .sampling_ratio = ratio,                                                                  \
         .aligned = is_aligned},                                                                   \
            side, n                                                                                \
    }

static const struct op_case cases[] = {
    {.name = "1 roi",
     .args = ARGS(1, 0.25f, 7, 2, false, 40.0f, 1),
     .in = {LIST(1), NONE, MAP(1, 10, 12, 3)},
     .linear = 16},
    {.name = "2 images",
     .args = ARGS(1, 0.25f, 7, 2, false, 80.0f, 9),
     .in = {LIST(9), NONE, MAP(2, 20, 22, 5)},
     .linear = 16},
    {.name = "aligned",
     .args = ARGS(1, 0.25f, 7, 2, true, 80.0f, 9),
     .in = {LIST(9), NONE, MAP(2, 20, 22, 5)},
     .linear = 16},
    {.name = "adaptive samples",
     .args = ARGS(1, 0.5f, 5, 0, false, 80.0f, 9),
     .in = {LIST(9), NONE, MAP(2, 40, 38, 3)},
     .linear = 16},
    {.name = "adaptive samples, aligned",
     .args = ARGS(1, 0.5f, 5, 0, true, 80.0f, 9),
     .in = {LIST(9), NONE, MAP(2, 40, 38, 3)},
     .linear = 16},
    {.name = "3 samples, 1 bin",
     .args = ARGS(1, 1.0f, 1, 3, false, 30.0f, 9),
     .in = {LIST(9), NONE, MAP(1, 30, 30, 4)},
     .linear = 16},
    {.name = "4 levels",
     .args = ARGS(4, 0.25f, 3, 2, false, 1500.0f, 30),
     .in = {LIST(30), NONE, MAP(2, 60, 80, 2), MAP(2, 70, 60, 2), MAP(2, 60, 50, 2),
            MAP(2, 40, 40, 2)}},
    {.name = "2 levels, the first of half the size",
     .args = ARGS(2, 0.5f, 2, 2, false, 400.0f, 30),
     .in = {LIST(30), NONE, MAP(3, 90, 80, 2), MAP(3, 50, 60, 2)}},
    {.name = "fewer than there is room for",
     .args = ARGS(1, 0.25f, 7, 2, false, 80.0f, 5),
     .in = {LIST(12), NONE, MAP(2, 20, 22, 3)},
     .linear = 16},
    {.name = "none",
     .args = ARGS(1, 0.25f, 7, 2, false, 80.0f, 0),
     .in = {LIST(12), NONE, MAP(2, 20, 22, 3)},
     .linear = 16},
    {.name = "selected",
     .args = ARGS(2, 0.25f, 4, 2, false, 300.0f, 4),
     .in = {LIST(16), SELECT(6), MAP(2, 40, 42, 3), MAP(2, 30, 32, 3)}},
    {.name = "all channels of a block",
     .args = ARGS(1, 0.25f, 2, 2, false, 80.0f, 6),
     .in = {LIST(6), NONE, MAP(1, 20, 22, 64)},
     .linear = 16},
    {.name = "several blocks of channels and an odd rest",
     .args = ARGS(1, 0.25f, 2, 2, false, 80.0f, 6),
     .in = {LIST(6), NONE, MAP(1, 20, 22, 179)},
     .linear = 16},
};

static const struct op_refusal refusals[] = {
    {"maps of different depth",
     ARGS(2, 0.25f, 7, 2, false, 80.0f, 1),
     {LIST(1), NONE, MAP(1, 4, 4, 3), MAP(1, 2, 2, 4)},
     ERR_USAGE,
     "roi_align"},
    {"rois of 5 numbers",
     ARGS(1, 0.25f, 7, 2, false, 80.0f, 1),
     {{.rank = 2, .shape = {2, 5}}, SELECT(2), SELECT(1), NONE, MAP(1, 4, 4, 3)},
     ERR_USAGE,
     "rois"},
    {"no size",
     ARGS(1, 0.25f, 0, 2, false, 80.0f, 1),
     {LIST(1), NONE, MAP(1, 4, 4, 3)},
     ERR_USAGE,
     "size"},
    {"scale 0",
     ARGS(1, 0.0f, 7, 2, false, 80.0f, 1),
     {LIST(1), NONE, MAP(1, 4, 4, 3)},
     ERR_USAGE,
     "scale"},
};

// Among the boxes some without area, some reaching far out of the map, and one all over it.
static void prepare(const struct op_case *c, int input, void *data)
{
    const struct roi_case *own = (const struct roi_case *)c->args;
    int64_t n = c->in[input].shape[0];
    float *boxes = (float *)data;
    int32_t *integers = (int32_t *)data;
    if (input == 0) {
        draw_boxes(boxes, n, own->image, 0.125f, 1);
        for (int64_t i = 3; i < n; i += 5) boxes[4 * i + 2] = boxes[4 * i];
        for (int64_t i = 4; i < n; i += 5) boxes[4 * i + 1] -= 1.5f * own->image;
        if (n > 2) {
            boxes[8] = boxes[9] = 0.0f;
            boxes[10] = boxes[11] = own->image;
        }
    }
    if (input == 1)
        for (int64_t i = 0; i < n; i++) integers[i] = (int32_t)(i * c->in[4].shape[0] / n);
    if (input == 2) *integers = own->count;
    if (input == 3)
        for (int64_t i = 0; i < n; i++) integers[i] = (int32_t)(2 * i + 1);
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *y;
    TRY(roi_align(tape, in[0], in[1], in[2], in[3], in + 4, &((const struct roi_case *)args)->args,
                  &y));
    return y->valid == in[2] ? OK : fail(ERR_USAGE, "the count is not handed on");
}

static int level_of(const struct roi_align_args *args, const double *roi)
{
    double side = sqrt((roi[2] - roi[0]) * (roi[3] - roi[1]));
    int first = (int)lround(-log2((double)args->scales[0]));
    int last = first + args->n_levels - 1;
    double level = floor(4.0 + log2(side / 224.0) + 1e-6);
    return level < first ? 0 : level > last ? args->n_levels - 1 : (int)level - first;
}

// The value between pixels, as torchvision defines it.
static double sample(const struct ref *map, int64_t image, int64_t channel, double y, double x)
{
    int64_t h = map->shape[1], w = map->shape[2];
    if (y < -1.0 || y > (double)h || x < -1.0 || x > (double)w) return 0.0;
    y = fmin(fmax(y, 0.0), (double)(h - 1));
    x = fmin(fmax(x, 0.0), (double)(w - 1));
    double sum = 0.0;
    for (int64_t i = (int64_t)y; i <= (int64_t)y + 1 && i < h; i++)
        for (int64_t j = (int64_t)x; j <= (int64_t)x + 1 && j < w; j++)
            sum += (1.0 - fabs(y - (double)i)) * (1.0 - fabs(x - (double)j)) *
                   map->v[((image * h + i) * w + j) * map->shape[3] + channel];
    return sum;
}

static double bin_mean(const struct roi_align_args *args, const struct ref *map, int64_t image,
                       int64_t channel, const double *roi, double scale, int bin_y, int bin_x)
{
    double begin[2], bin[2], sum = 0.0, offset = args->aligned ? 0.5 : 0.0;
    int n[2];
    for (int axis = 0; axis < 2; axis++) {
        double length = (roi[axis + 2] - roi[axis]) * scale;
        if (!args->aligned) length = fmax(length, 1.0);
        begin[axis] = roi[axis] * scale - offset;
        bin[axis] = length / args->size;
        n[axis] = args->sampling_ratio > 0 ? args->sampling_ratio : (int)ceil(bin[axis]);
    }
    for (int i = 0; i < n[1]; i++)
        for (int j = 0; j < n[0]; j++)
            sum += sample(map, image, channel, begin[1] + (bin_y + (i + 0.5) / n[1]) * bin[1],
                          begin[0] + (bin_x + (j + 0.5) / n[0]) * bin[0]);
    return n[0] * n[1] > 0 ? sum / (n[0] * n[1]) : 0.0;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct roi_case *own = (const struct roi_case *)c->args;
    const struct roi_align_args *args = &own->args;
    const struct ref *list = in[3].rank ? &in[3] : &in[1];
    int64_t n_channels = in[4].shape[3];
    const int64_t shape[] = {list->shape[0], args->size, args->size, n_channels};
    ref_shape(&out[0], 4, shape);
    for (int64_t i = 0; i < own->count; i++) {
        int64_t index = in[3].rank ? (int64_t)in[3].v[i] : i;
        const double *roi = in[0].v + 4 * index;
        int level = level_of(args, roi);
        for (int y = 0; y < args->size; y++)
            for (int x = 0; x < args->size; x++)
                for (int64_t k = 0; k < n_channels; k++)
                    out[0].v[((i * args->size + y) * args->size + x) * n_channels + k] =
                        bin_mean(args, &in[4 + level], (int64_t)in[1].v[index], k, roi,
                                 (double)args->scales[level], y, x);
    }
}

const struct op_cases cases_roi_align = {
    CASES(cases), REFUSALS(refusals),     .differentiable = 0xF0,
    .run = run,   .reference = reference, .prepare = prepare,
};

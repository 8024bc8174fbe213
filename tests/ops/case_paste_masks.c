#include <math.h>
#include <string.h>

#include "nn/ops_rcnn.h"
#include "nn/paste.h"
#include "tests/ops/case.h"

// Inputs: probabilities, boxes, places. Masks lie one after another in the order of the table; each
// takes the map of its number, from the last one back.
enum { MOST = 4 };

struct image {
    int height, width;
    float box[4];
};

struct masks {
    struct paste_args args; // first: a case's args
    struct image images[MOST];
};

#define WORDS(height, width) (((height) * (width) + 31) / 32)
#define IN(n, side)                                                                                \
    {                                                                                              \
        {.rank = 3, .shape = {n, side, side}, .low = 0.0f, .high = 1.0f},                          \
        {.rank = 2, .shape = {n, 4}},                                                              \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 2, .shape = {n, N_PASTE}                                   \
        }                                                                                          \
    }

static const struct masks whole = {{WORDS(20, 30), PASTE_INTEGER, 0.5f},
                                   {{20, 30, {3.2f, 4.6f, 25.7f, 15.4f}}}};
static const struct masks grid = {{WORDS(20, 30), PASTE_GRID, 0.4f},
                                  {{20, 30, {3.2f, 4.6f, 25.7f, 15.4f}}}};
#define SEVERAL                                                                                    \
    {                                                                                              \
        {33, 7, {-6.3f, -2.4f, 4.2f, 50.3f}}, {1, 1, {0.2f, 0.1f, 0.8f, 0.7f}},                    \
        {9, 64, {70.4f, 2.3f, 90.6f, 8.2f}},                                                       \
        {                                                                                          \
            12, 11, { 5.2f, 3.4f, 5.9f, 9.8f }                                                     \
        }                                                                                          \
    }
#define SEVERAL_WORDS (WORDS(33, 7) + WORDS(1, 1) + WORDS(9, 64) + WORDS(12, 11))
static const struct masks several = {{SEVERAL_WORDS, PASTE_INTEGER, 0.3f}, SEVERAL};
static const struct masks several_grid = {{SEVERAL_WORDS, PASTE_GRID, 0.6f}, SEVERAL};

static const struct op_case cases[] = {
    {.name = "whole pixels", .args = &whole, .in = IN(1, 28)},
    {.name = "grid", .args = &grid, .in = IN(1, 28)},
    {.name = "four images", .args = &several, .in = IN(4, 5)},
    {.name = "four images, grid", .args = &several_grid, .in = IN(4, 14)},
};

static const struct op_refusal refusals[] = {
    {"maps that are not square",
     &whole,
     {{.rank = 3, .shape = {1, 4, 5}},
      {.rank = 2, .shape = {1, 4}},
      {.dtype = DTYPE_I32, .rank = 2, .shape = {1, N_PASTE}}},
     ERR_USAGE,
     "4 x 5"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct masks *masks = (const struct masks *)c->args;
    int64_t n = c->in[1].shape[0], word = 0;
    int32_t *places = (int32_t *)data;
    for (int64_t i = 0; input == 1 && i < n; i++)
        memcpy((float *)data + 4 * i, masks->images[i].box, sizeof masks->images[i].box);
    for (int64_t i = 0; input == 2 && i < n; i++, places += N_PASTE) {
        const struct image *image = &masks->images[i];
        places[PASTE_MAP] = (int32_t)(n - 1 - i);
        places[PASTE_HEIGHT] = image->height;
        places[PASTE_WIDTH] = image->width;
        places[PASTE_WORD_LOW] = (int32_t)word;
        places[PASTE_WORD_HIGH] = 0;
        word += WORDS(image->height, image->width);
    }
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *bits;
    return paste_masks(tape, in[0], in[1], in[2], &((const struct masks *)args)->args, &bits);
}

// Where a pixel's centre lies on the map's axis with its rim; false: outside of what is seen.
static bool place(double low, double high, int side, int method, int pixel, double *at)
{
    if (method == PASTE_GRID) {
        double cell = (high - low) / side;
        *at = (pixel + 0.5 - low) / cell + 0.5;
        if (pixel < floor(low - cell) || pixel >= ceil(high + cell)) return false;
    } else {
        double half = (high - low) / 2 * (side + 2) / side, centre = (high + low) / 2;
        double first = trunc(centre - half), last = trunc(centre + half);
        if (pixel < first || pixel > last) return false;
        *at = (pixel - first + 0.5) * (side + 2) / (last - first + 1) - 0.5;
    }
    *at = fmin(fmax(*at, 0.0), side + 1.0);
    return true;
}

static double rimmed(const double *map, int side, int row, int column)
{
    if (row < 1 || column < 1 || row > side || column > side) return 0.0;
    return map[(row - 1) * side + column - 1];
}

static bool is_set(const double *map, int side, const struct image *image, int method,
                   double threshold, int column, int row)
{
    double x, y;
    if (!place((double)image->box[0], (double)image->box[2], side, method, column, &x) ||
        !place((double)image->box[1], (double)image->box[3], side, method, row, &y))
        return false;
    int left = (int)x, top = (int)y;
    double right = x - left, down = y - top;
    double value =
        (1 - down) * ((1 - right) * rimmed(map, side, top, left) +
                      right * rimmed(map, side, top, left + 1)) +
        down * ((1 - right) * rimmed(map, side, top + 1, left) +
                right * rimmed(map, side, top + 1, left + 1));
    return value > threshold;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct masks *masks = (const struct masks *)c->args;
    int64_t n = in[1].shape[0], side = in[0].shape[1], word = 0;
    ref_shape(&out[0], 1, &masks->args.n_words);
    for (int64_t i = 0; i < n; i++) {
        const struct image *image = &masks->images[i];
        const double *map = in[0].v + (n - 1 - i) * side * side;
        int n_words = WORDS(image->height, image->width);
        for (int k = 0; k < n_words; k++) {
            uint32_t bits = 0;
            for (int at = 32 * k; at < 32 * k + 32 && at < image->height * image->width; at++)
                if (is_set(map, (int)side, image, masks->args.method,
                           (double)masks->args.threshold, at / image->height,
                           at % image->height))
                    bits |= 1u << at % 32;
            out[0].v[word + k] = (double)(int32_t)bits;
        }
        word += n_words;
    }
}

const struct op_cases cases_paste_masks = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};

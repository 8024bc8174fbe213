#include <math.h>

#include "base/resize.h"
#include "tests/ops/case.h"

// Inputs: pixels, places. prepare() puts images one after another, of the widths and heights that
// stand in `images`: old, then new, then whether it is mirrored.
enum { MOST = 3 };

struct canvas {
    struct resize_images_args args; // first: a case's args
    int images[MOST][5];
};

#define IN(bytes, n)                                                                               \
    {                                                                                              \
        {.dtype = DTYPE_U8, .rank = 1, .shape = {bytes}},                                          \
        {                                                                                          \
            .dtype = DTYPE_I32, .rank = 2, .shape = {n, N_PLACE}                                   \
        }                                                                                          \
    }

static const struct canvas larger = {{32, 64}, {{20, 11, 50, 29, 0}}};
static const struct canvas smaller = {{16, 16}, {{37, 41, 16, 16, 1}}};
static const struct canvas same = {{8, 9}, {{9, 8, 9, 8, 0}}};
static const struct canvas some = {{24, 32},
                                   {{10, 30, 8, 24, 1}, {33, 7, 32, 6, 0}, {1, 1, 5, 3, 1}}};
static const struct canvas wide = {{3, 700}, {{350, 2, 700, 3, 1}}};
static const struct canvas empty = {{0, 8}, {{0}}};

static const struct op_case cases[] = {
    {.name = "larger", .args = &larger, .in = IN(20 * 11 * 3, 1)},
    {.name = "smaller, mirrored", .args = &smaller, .in = IN(37 * 41 * 3, 1)},
    {.name = "same size", .args = &same, .in = IN(9 * 8 * 3, 1)},
    {.name = "three images", .args = &some, .in = IN((10 * 30 + 33 * 7 + 1) * 3, 3)},
    {.name = "wider than a block", .args = &wide, .in = IN(350 * 2 * 3, 1)},
};

static const struct op_refusal refusals[] = {
    {"another number of columns",
     &some,
     {{.dtype = DTYPE_U8, .rank = 1, .shape = {3}},
      {.dtype = DTYPE_I32, .rank = 2, .shape = {1, N_PLACE - 1}}},
     ERR_USAGE,
     "resize_images"},
    {"floats",
     &some,
     {{.rank = 1, .shape = {3}}, {.dtype = DTYPE_I32, .rank = 2, .shape = {1, N_PLACE}}},
     ERR_USAGE,
     "pixels are bytes"},
    {"no canvas", &empty, IN(3, 1), ERR_USAGE, "a canvas of 8 x 0"},
};

static void prepare(const struct op_case *c, int input, void *data)
{
    const struct canvas *canvas = (const struct canvas *)c->args;
    int32_t start = 0, *places = (int32_t *)data;
    for (int64_t i = 0; input == 0 && i < c->in[0].shape[0]; i++)
        ((uint8_t *)data)[i] = (uint8_t)(i * 97 % 256);
    if (input == 0 || c->in[1].shape[1] != N_PLACE) return;
    for (int64_t i = 0; i < c->in[1].shape[0]; i++, places += N_PLACE) {
        const int *image = canvas->images[i];
        places[PLACE_START_LOW] = start;
        places[PLACE_WIDTH] = image[0];
        places[PLACE_HEIGHT] = image[1];
        places[PLACE_NEW_WIDTH] = image[2];
        places[PLACE_NEW_HEIGHT] = image[3];
        places[PLACE_FLIP] = image[4];
        start += 3 * image[0] * image[1];
    }
}

static enum status run(struct tape *tape, struct tensor *const *in, const void *args)
{
    struct tensor *images;
    return resize_images(tape, in[0], in[1], &((const struct canvas *)args)->args, &images);
}

// The image's value between pixels, borders continued.
static double sample(const double *pixels, const int *image, int channel, double x, double y)
{
    static const double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
    double sum = 0.0, left = floor(x), top = floor(y);
    for (int corner = 0; corner < 4; corner++) {
        double at_x = left + corner % 2, at_y = top + corner / 2;
        double weight = (1.0 - fabs(x - at_x)) * (1.0 - fabs(y - at_y));
        at_x = fmin(fmax(at_x, 0.0), image[0] - 1.0);
        at_y = fmin(fmax(at_y, 0.0), image[1] - 1.0);
        if (image[4]) at_x = image[0] - 1.0 - at_x;
        double value = pixels[3 * ((size_t)at_y * (size_t)image[0] + (size_t)at_x) +
                              (size_t)channel];
        sum += weight * (value / 255.0 - mean[channel]) / deviation[channel];
    }
    return sum;
}

static void reference(const struct op_case *c, struct ref *in, struct ref *out)
{
    const struct canvas *canvas = (const struct canvas *)c->args;
    int height = canvas->args.height, width = canvas->args.width;
    int64_t shape[4] = {in[1].shape[0], height, width, 3};
    const double *pixels = in[0].v;
    ref_shape(&out[0], 4, shape);
    double *to = out[0].v;
    for (int64_t i = 0; i < shape[0]; i++) {
        const int *image = canvas->images[i];
        double x_scale = (double)image[0] / image[2], y_scale = (double)image[1] / image[3];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int k = 0; k < 3; k++, to++)
                    if (x < image[2] && y < image[3])
                        *to = sample(pixels, image, k, (x + 0.5) * x_scale - 0.5,
                                     (y + 0.5) * y_scale - 0.5);
        pixels += 3 * image[0] * image[1];
    }
}

const struct op_cases cases_resize_images = {
    CASES(cases), REFUSALS(refusals), .run = run, .reference = reference, .prepare = prepare,
};

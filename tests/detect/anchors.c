// Anchors and box coder against torchvision's numbers.
#include <criterion/criterion.h>
#include <math.h>

#include "base/rng.h"
#include "detect/anchors.h"
#include "nn/box_coder.h"

static const float ratios[3] = {0.5f, 1.0f, 2.0f};

static void expect_box(const float *got, float x1, float y1, float x2, float y2)
{
    cr_expect(got[0] == x1 && got[1] == y1 && got[2] == x2 && got[3] == y2,
              "(%g, %g, %g, %g), expected (%g, %g, %g, %g)", (double)got[0], (double)got[1],
              (double)got[2], (double)got[3], (double)x1, (double)y1, (double)x2, (double)y2);
}

Test(anchors, one_size)
{
    const int size = 32;
    float base[ANCHORS_MAX_BASE][4];
    cr_assert_eq(anchors_base(&size, 1, ratios, 3, base), 3);
    expect_box(base[0], -23, -11, 23, 11);
    expect_box(base[1], -16, -16, 16, 16);
    expect_box(base[2], -11, -23, 11, 23);
}

Test(anchors, ratio_outer_size_inner)
{
    const int sizes[3] = {32, 40, 50};
    static const float want[9][2] = {{23, 11}, {28, 14}, {35, 18}, {16, 16}, {20, 20},
                                     {25, 25}, {11, 23}, {14, 28}, {18, 35}};
    float base[ANCHORS_MAX_BASE][4];
    cr_assert_eq(anchors_base(sizes, 3, ratios, 3, base), 9);
    for (int i = 0; i < 9; i++)
        expect_box(base[i], -want[i][0], -want[i][1], want[i][0], want[i][1]);
}

Test(anchors, halves_round_to_even)
{
    static const int sizes[4] = {101, 203, 161, 645};
    static const float half[4] = {50, 102, 80, 322};
    const float square = 1.0f;
    for (int i = 0; i < 4; i++) {
        float base[ANCHORS_MAX_BASE][4];
        anchors_base(&sizes[i], 1, &square, 1, base);
        expect_box(base[0], -half[i], -half[i], half[i], half[i]);
    }
}

// A canvas of 800x1088: the coarse strides are not powers of two.
Test(anchors, strides_are_whole_divisions)
{
    static const int grids[5][4] = {{100, 136, 8, 8},
                                    {50, 68, 16, 16},
                                    {25, 34, 32, 32},
                                    {13, 17, 61, 64},
                                    {7, 9, 114, 120}};
    static float out[4 * 100 * 136];
    float base[1][4] = {{-1, -2, 1, 2}};
    for (int i = 0; i < 5; i++) {
        int h = grids[i][0], w = grids[i][1], sy = grids[i][2], sx = grids[i][3];
        anchors_grid(base, 1, 800, 1088, h, w, out);
        expect_box(out, -1, -2, 1, 2);
        expect_box(out + 4, (float)(sx - 1), -2, (float)(sx + 1), 2); // x runs first
        float y = (float)((h - 1) * sy), x = (float)((w - 1) * sx);
        expect_box(out + 4 * (h * w - 1), x - 1, y - 2, x + 1, y + 2);
    }
}

static void random_box(struct rng *rng, float box[4])
{
    box[0] = rng_uniform(rng, -100, 1000);
    box[1] = rng_uniform(rng, -100, 1000);
    box[2] = box[0] + rng_uniform(rng, 4, 600);
    box[3] = box[1] + rng_uniform(rng, 4, 600);
}

Test(box_coder, decode_inverts_encode)
{
    static const float weights[2][4] = {{1, 1, 1, 1}, {10, 10, 5, 5}};
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, 1);
    for (int i = 0; i < 1000; i++) {
        float anchor[4], box[4], delta[4], back[4];
        random_box(&rng, anchor);
        random_box(&rng, box);
        // Growth above 1000/16 is cut: keep anchors from being that much smaller.
        if (box[2] - box[0] > 60 * (anchor[2] - anchor[0])) continue;
        if (box[3] - box[1] > 60 * (anchor[3] - anchor[1])) continue;
        box_encode(anchor, box, weights[i % 2], delta);
        box_decode(anchor, delta, weights[i % 2], back);
        for (int k = 0; k < 4; k++) cr_expect_float_eq(back[k], box[k], 0.01f);
    }
}

Test(box_coder, known_values)
{
    static const float one[4] = {1, 1, 1, 1}, anchor[4] = {10, 20, 30, 60};
    static const float box[4] = {15, 10, 35, 90};
    float delta[4], back[4];
    box_encode(anchor, box, one, delta);
    cr_expect_float_eq(delta[0], 0.25f, 1e-6f);
    cr_expect_float_eq(delta[1], 0.25f, 1e-6f);
    cr_expect_float_eq(delta[2], 0.0f, 1e-6f);
    cr_expect_float_eq(delta[3], 0.6931472f, 1e-6f);
    // Growth is limited to 1000/16 times the anchor, shrinking and shifts are not.
    const float wild[4] = {-100, 0, 50, -50};
    box_decode(anchor, wild, one, back);
    cr_expect_float_eq(back[2] - back[0], 20.0f * 62.5f, 0.01f);
    cr_expect_float_eq(back[3] - back[1], 0.0f, 1e-6f);
    cr_expect_float_eq(0.5f * (back[0] + back[2]), 20.0f - 2000.0f, 0.01f);
}

Test(box_coder, clips_to_the_image_and_keeps_nan)
{
    const float size[2] = {100, 200}; // height, width
    float box[4] = {-5, -5, 300, 300};
    box_clip(size, box);
    expect_box(box, 0, 0, 200, 100);
    float nan_box[4] = {NAN, 1, 2, 3};
    box_clip(size, nan_box);
    cr_expect(isnan(nan_box[0]) && nan_box[3] == 3.0f);
}

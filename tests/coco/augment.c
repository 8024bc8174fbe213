// Colours, windows and nearest neighbours against torchvision, torch and Pillow
// (tools/golden_augment.py).
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "coco/augment.h"
#include "coco/copy_paste.h"
#include "coco/mask_frame.h"
#include "tests/scratch.h"

static cJSON *load_golden(void)
{
    cJSON *tree = NULL;
    cr_assert_eq(json_load(TARN_SOURCE_DIR "/tests/coco/golden/augment.json", 0, false, &tree), OK,
                 "%s", fail_message());
    return tree;
}

static int number(const cJSON *object, const char *name, int index)
{
    const cJSON *item = json_find(object, name);
    return (int)(index < 0 ? item : cJSON_GetArrayItem(item, index))->valuedouble;
}

static struct image make_image(int width, int height)
{
    size_t n = 3 * (size_t)width * (size_t)height;
    struct image image = {width, height, (uint8_t *)mem_alloc(n, 1)};
    cr_assert_not_null(image.rgb);
    for (size_t k = 0; k < n; k++) image.rgb[k] = (uint8_t)(k * k * 31 + k * 7 + k / 61);
    return image;
}

// The largest difference to hexadecimal bytes.
static int difference(const struct image *image, const cJSON *object)
{
    const char *hex = json_find(object, "rgb")->valuestring;
    size_t n = 3 * (size_t)image->width * (size_t)image->height;
    int most = 0;
    cr_assert_eq(strlen(hex), 2 * n);
    for (size_t i = 0; i < n; i++) {
        char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
        int off = abs((int)strtol(byte, NULL, 16) - image->rgb[i]);
        if (off > most) most = off;
    }
    return most;
}

Test(augment, colors_are_torchvisions)
{
    static const char *const names[N_COLOR] = {"brightness", "contrast", "saturation", "hue"};
    cJSON *golden = load_golden();
    const cJSON *call;
    int n = 0;
    cJSON_ArrayForEach (call, json_find(golden, "colors")) {
        struct image image =
            make_image(number(golden, "color_size", 0), number(golden, "color_size", 1));
        struct color_change change = {.n = 1};
        change.amount[0] = json_find(call, "amount")->valuedouble;
        const char *name = json_find(call, "property")->valuestring;
        while (strcmp(names[change.property[0]], name) != 0) change.property[0]++;
        color_apply(&change, &image);
        // Cutting to 8 bits turns the last bit of a float into a whole step.
        cr_expect_leq(difference(&image, call), 1, "%s %g", name, change.amount[0]);
        image_free(&image);
        n++;
    }
    cr_expect_eq(n, 10);
    cJSON_Delete(golden);
}

Test(augment, windows_are_pillows_resizing)
{
    cJSON *golden = load_golden();
    const cJSON *entry;
    cJSON_ArrayForEach (entry, json_find(golden, "windows")) {
        struct image image = make_image(number(entry, "size", 0), number(entry, "size", 1)), out;
        struct image_window window = {.new_width = number(entry, "new_size", 0),
                                      .new_height = number(entry, "new_size", 1)};
        window.width = window.new_width;
        window.height = window.new_height;
        cr_assert_eq(image_window_cut(&image, &window, &out), OK);
        cr_expect_eq(difference(&out, entry), 0, "%d x %d to %d x %d", image.width, image.height,
                     window.width, window.height);
        image_free(&out);
        image_free(&image);
    }
    cJSON_Delete(golden);
}

Test(augment, windows_are_parts_of_the_whole)
{
    struct image image = make_image(31, 22);
    for (int flip = 0; flip < 2; flip++)
        for (int k = 0; k < 40; k++) {
            struct image_window whole = {flip, 5 + 3 * k, 4 + 2 * k, 0, 0, 5 + 3 * k, 4 + 2 * k};
            struct image_window part = whole;
            struct image all, out;
            part.left = k % 4;
            part.top = k % 3;
            part.width = 1 + k % (whole.width - part.left);
            part.height = 1 + k / 2 % (whole.height - part.top);
            cr_assert_eq(image_window_cut(&image, &whole, &all), OK);
            cr_assert_eq(image_window_cut(&image, &part, &out), OK);
            for (int y = 0; y < out.height; y++)
                cr_expect_eq(memcmp(out.rgb + 3 * (size_t)y * (size_t)out.width,
                                    all.rgb + 3 * ((size_t)(y + part.top) * (size_t)all.width +
                                                   (size_t)part.left),
                                    3 * (size_t)out.width),
                             0);
            image_free(&all);
            image_free(&out);
        }
    image_free(&image);
}

Test(augment, nearest_neighbours_are_torchs)
{
    cJSON *golden = load_golden();
    const cJSON *entry;
    cJSON_ArrayForEach (entry, json_find(golden, "nearest")) {
        int n_in = number(entry, "in", -1), n_out = number(entry, "out", -1);
        for (int flip = 0; flip < 2; flip++) {
            struct image_window window = {flip, n_out, n_out, 0, 0, n_out, n_out};
            struct mask_view view;
            cr_assert_eq(mask_view_init(n_in, n_in, &window, &view), OK);
            for (int i = 0; i < n_out; i++) {
                int source = number(entry, "sources", i);
                cr_expect_eq(view.rows[i], source, "%d to %d, %d", n_in, n_out, i);
                cr_expect_eq(view.columns[i], flip ? n_in - 1 - source : source);
            }
            mask_view_free(&view);
        }
    }
    cJSON_Delete(golden);
}

// Frames against a slow twin: every pixel of the window looked up in the decoded mask.
Test(augment, frames_hold_all_of_the_foreground)
{
    struct rng rng;
    struct rle rle = {0};
    struct mask_bytes bytes = {0};
    rng_start(&rng, 3, RNG_TEST, 1);
    for (int round = 0; round < 400; round++) {
        enum { SIDE = 24 };
        uint8_t mask[SIDE * SIDE] = {0};
        int width = 1 + (int)rng_below(&rng, SIDE), height = 1 + (int)rng_below(&rng, SIDE);
        uint32_t density = rng_below(&rng, 12);
        for (int i = 0; i < width * height; i++) mask[i] = rng_below(&rng, 12) < density;
        if (round % 5 == 0) memset(mask, 0, sizeof mask);
        if (round % 5 == 1) memset(mask, 1, sizeof mask);
        struct image_window w = {.flip = round % 2,
                                 .new_width = 1 + (int)rng_below(&rng, 60),
                                 .new_height = 1 + (int)rng_below(&rng, 60)};
        w.left = (int)rng_below(&rng, (uint32_t)w.new_width);
        w.top = (int)rng_below(&rng, (uint32_t)w.new_height);
        w.width = 1 + (int)rng_below(&rng, (uint32_t)(w.new_width - w.left));
        w.height = 1 + (int)rng_below(&rng, (uint32_t)(w.new_height - w.top));
        struct mask_view view;
        int32_t f[4];
        cr_assert_eq(rle_encode(mask, height, width, &rle), OK);
        cr_assert_eq(mask_view_init(width, height, &w, &view), OK);
        size_t start = bytes.n;
        cr_assert_eq(mask_frame_append(&rle, &view, &bytes, f), OK);
        cr_expect_eq(bytes.n - start, (size_t)f[2] * (size_t)f[3]);
        cr_assert(f[0] >= 0 && f[1] >= 0 && f[0] + f[2] <= w.width && f[1] + f[3] <= w.height);
        for (int y = 0; y < w.height; y++)
            for (int x = 0; x < w.width; x++) {
                bool is_in = x >= f[0] && y >= f[1] && x < f[0] + f[2] && y < f[1] + f[3];
                uint8_t got =
                    is_in ? bytes.bytes[start + (size_t)((y - f[1]) * f[2] + x - f[0])] : 0;
                cr_assert_eq(got, mask[view.rows[y] * width + view.columns[x]], "round %d, %d %d",
                             round, x, y);
            }
        mask_view_free(&view);
    }
    mem_free(bytes.bytes);
    rle_free(&rle);
}

Test(augment, jitter_stays_in_its_bounds)
{
    struct augment augment = {.lsj_size = 64, .lsj_min = 0.1, .lsj_max = 2};
    int n_small = 0, n_large = 0;
    for (int i = 0; i < 500; i++) {
        struct image_window w;
        struct rng rng;
        augment_rng(1, i, 2, AUGMENT_LSJ, &rng);
        augment_window(&augment, &rng, 200, 100, false, &w);
        cr_assert(w.new_width >= 6 && w.new_width <= 128, "%d", w.new_width);
        cr_assert(abs(w.new_width - 2 * w.new_height) <= 1);
        cr_assert(w.width <= 64 && w.height <= 64 && w.left >= 0 && w.top >= 0);
        cr_assert(w.left + w.width <= w.new_width && w.top + w.height <= w.new_height);
        cr_assert_eq(w.width, w.new_width < 64 ? w.new_width : 64);
        n_small += w.new_width < 64;
        n_large += w.left > 0;
    }
    cr_expect(n_small > 180 && n_small < 300, "%d", n_small); // 0.9 / 1.9 of 500
    cr_expect(n_large > 180);
}

Test(augment, color_strengths_are_bounds)
{
    const double strength[N_COLOR] = {0.4, 2, 0, 0.1};
    int first[N_COLOR] = {0};
    for (int i = 0; i < 300; i++) {
        struct color_change change;
        struct rng rng;
        augment_rng(1, i, 0, AUGMENT_COLOR, &rng);
        color_draw(strength, &rng, &change);
        cr_assert_eq(change.n, 3);
        first[change.property[0]]++;
        for (int k = 0; k < 3; k++) {
            double a = change.amount[k];
            switch (change.property[k]) {
            case COLOR_BRIGHTNESS:
                cr_assert(a >= 0.6 && a <= 1.4);
                break;
            case COLOR_CONTRAST:
                cr_assert(a >= 0 && a <= 3);
                break;
            case COLOR_HUE:
                cr_assert(a >= -0.1 && a <= 0.1);
                break;
            default:
                cr_assert_fail("saturation was not asked for");
            }
        }
    }
    cr_expect(first[COLOR_BRIGHTNESS] > 60 && first[COLOR_CONTRAST] > 60 && first[COLOR_HUE] > 60);
}

// ---- copy-paste --------------------------------------------------------------------------------

enum { SIDE = 20 };

// A rectangle as an object whose mask is all of it.
static void add_rectangle(struct collate_objects *objects, int32_t label, int x, int y, int w,
                          int h)
{
    struct collate_object object = {.label = label,
                                    .box = {(float)x, (float)y, (float)(x + w), (float)(y + h)},
                                    .frame = {x, y, w, h},
                                    .start = objects->masks.n};
    size_t n = (size_t)(w * h);
    cr_assert_eq(
        mem_reserve(&objects->masks.bytes, &objects->masks.capacity, objects->masks.n + n, 1), OK);
    memset(objects->masks.bytes + objects->masks.n, 1, n);
    objects->masks.n += n;
    cr_assert_eq(collate_objects_add(objects, &object), OK);
}

Test(copy_paste, hides_what_is_covered)
{
    struct collate_objects own = {0}, source = {0}, result = {0};
    uint8_t *alpha = NULL;
    struct rng rng;
    add_rectangle(&own, 1, 0, 0, 10, 4); // its right half will be covered
    add_rectangle(&own, 2, 6, 1, 3, 2);  // all of it
    add_rectangle(&own, 3, 0, 10, 5, 5); // nothing
    add_rectangle(&source, 9, 5, 0, 15, 9);
    rng_start(&rng, 1, RNG_TEST, 0);
    cr_assert_eq(copy_paste_objects(&own, &source, SIDE, SIDE, &rng, &result, &alpha), OK);
    cr_assert_eq(result.n, 3);
    static const int32_t labels[3] = {1, 3, 9};
    static const float boxes[3][4] = {{0, 0, 5, 4}, {0, 10, 5, 15}, {5, 0, 20, 9}};
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(result.list[i].label, labels[i]);
        for (int k = 0; k < 4; k++) cr_expect_eq(result.list[i].box[k], boxes[i][k]);
    }
    for (int i = 0; i < 40; i++) // of the first: x < 5 is left
        cr_expect_eq(result.masks.bytes[result.list[0].start + (size_t)i], i % 10 < 5);
    for (int i = 0; i < SIDE * SIDE; i++) cr_expect_eq(alpha[i], i % SIDE >= 5 && i / SIDE < 9);
    mem_free(alpha);
    collate_objects_free(&own);
    collate_objects_free(&source);
    collate_objects_free(&result);
}

Test(copy_paste, chooses_some_of_many)
{
    struct collate_objects own = {0}, source = {0};
    int n_pasted = 0;
    for (int i = 0; i < 10; i++) add_rectangle(&source, i, 2 * i, 2 * i, 2, 2);
    for (uint32_t i = 0; i < 200; i++) {
        struct collate_objects result = {0};
        uint8_t *alpha = NULL;
        struct rng rng;
        rng_start(&rng, 1, RNG_TEST, i);
        cr_assert_eq(copy_paste_objects(&own, &source, SIDE, SIDE, &rng, &result, &alpha), OK);
        n_pasted += (int)result.n;
        mem_free(alpha);
        collate_objects_free(&result);
    }
    cr_expect(abs(n_pasted - 1303) < 60, "%d", n_pasted); // 10 (1 - 0.9^10) each
    collate_objects_free(&source);
}

Test(copy_paste, nothing_to_paste_changes_nothing)
{
    struct collate_objects own = {0}, source = {0}, result = {0};
    uint8_t *alpha = (uint8_t *)&own;
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, 0);
    add_rectangle(&own, 1, 0, 0, 3, 3);
    cr_assert_eq(copy_paste_objects(&own, &source, SIDE, SIDE, &rng, &result, &alpha), OK);
    cr_expect_null(alpha);
    cr_expect_eq(result.n, 0);
    collate_objects_free(&own);
}

Test(copy_paste, pixels_fade_over_two)
{
    uint8_t alpha[SIDE * SIDE];
    float canvas[SIDE * SIDE * 3], normalised[256][4];
    struct image source = make_image(SIDE, SIDE - 4); // below it is padding
    for (int i = 0; i < SIDE * SIDE; i++) alpha[i] = i % SIDE >= 10;
    for (int i = 0; i < SIDE * SIDE * 3; i++) canvas[i] = 7;
    cr_assert_eq(copy_paste_pixels(alpha, SIDE, SIDE, &source, canvas, SIDE), OK);
    image_normalisation(normalised);
    // Sums of a Gaussian of deviation 2 over -2 .. 2.
    const double e1 = exp(-0.125), e2 = exp(-0.5), sum = 1 + 2 * e1 + 2 * e2;
    const double share[SIDE] = {[8] = e2 / sum,
                                [9] = (e1 + e2) / sum,
                                [10] = (1 + e1 + e2) / sum,
                                [11] = (1 + 2 * e1 + e2) / sum};
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++) {
                size_t at = 3 * (size_t)(y * SIDE + x) + (size_t)c;
                double a = x > 11 ? 1 : share[x];
                double pasted = y < SIDE - 4 ? (double)normalised[source.rgb[at]][c] : 0;
                cr_expect_float_eq((double)canvas[at], 7 + (pasted - 7) * a, 1e-5);
            }
    image_free(&source);
}

#define _XOPEN_SOURCE 700
#include "coco/synth.h"

#include <criterion/criterion.h>
#include <math.h>

#include "base/json.h"
#include "base/mem.h"
#include "coco/dataset.h"
#include "coco/image.h"
#include "coco/synth_scene.h"
#include "coco/synth_shape.h"
#include "tests/remove_tree.h"
#include "tests/scratch.h"

static struct synth_config make(char folder[PATH_BYTES], int n_images)
{
    char name[64];
    snprintf(name, sizeof name, "synth_%s", criterion_current_test->name);
    scratch_path(folder, name);
    remove_tree(folder); // what an earlier run left
    return (struct synth_config){.output = folder,
                                 .n_images = n_images,
                                 .n_val = n_images / 4,
                                 .width = 96,
                                 .height = 64,
                                 .n_classes = SYNTH_MAX_CLASSES,
                                 .smallest = 0.12,
                                 .seed = 3};
}

static char *read_file(const char *folder, const char *name)
{
    char path[PATH_BYTES], *text;
    cr_assert_eq(path_join(path, folder, name), OK);
    cr_assert_eq(file_read(path, 0, &text, NULL), OK, "%s", fail_message());
    return text;
}

static void expect_part(const char *folder, const char *name, size_t n_images)
{
    char path[PATH_BYTES];
    struct coco_dataset *data;
    cr_assert_eq(path_join(path, folder, name), OK);
    cr_assert_eq(coco_dataset_load(path, &data), OK, "%s", fail_message());
    cr_expect_eq(data->n_images, n_images);
    cr_expect_eq(data->n_categories, (size_t)SYNTH_MAX_CLASSES);
    cr_expect_geq(data->n_objects, n_images);
    cr_expect_eq(data->dropped.no_area + data->dropped.outside + data->dropped.crowd, 0);
    for (size_t i = 0; i < n_images; i++) {
        struct image image;
        char folder_images[PATH_BYTES];
        cr_assert_eq(path_join(folder_images, folder, "images"), OK);
        cr_assert_eq(path_join(path, folder_images, data->images[i].file_name), OK);
        cr_assert_eq(image_load(path, EXIF_IGNORE, &image, NULL), OK, "%s", fail_message());
        cr_expect_eq(image.width, 96);
        cr_expect_eq(image.height, 64);
        image_free(&image);
    }
    coco_dataset_destroy(data);
}

Test(synth, writes_a_set_that_loads)
{
    char folder[PATH_BYTES];
    struct synth_config config = make(folder, 12);
    cr_assert_eq(synth_write(&config), OK, "%s", fail_message());
    expect_part(folder, "annotations/train.json", 9);
    expect_part(folder, "annotations/val.json", 3);
}

Test(synth, writes_a_folder_for_each_class)
{
    enum { N = 20, N_VAL = 5, N_CLASSES = 3 };
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct synth_config config = make(folder, N);
    config.classification = true;
    config.n_classes = N_CLASSES;
    cr_assert_eq(synth_write(&config), OK, "%s", fail_message());
    for (int i = 0; i < N; i++) {
        char name[64];
        struct image image;
        snprintf(name, sizeof name, "%s/%s/%06d.jpg", i < N - N_VAL ? "train" : "val",
                 synth_class_names[i % N_CLASSES], i + 1);
        cr_assert_eq(path_join(path, folder, name), OK);
        cr_assert_eq(image_load(path, EXIF_IGNORE, &image, NULL), OK, "%s", fail_message());
        cr_expect(image.width == 96 && image.height == 64);
        image_free(&image);
    }
    // Whole, it is left as it is; without its last picture all of it is written again.
    cr_assert_eq(path_join(path, folder, "val/disc/000019.jpg"), OK);
    remove(path);
    cr_assert_eq(synth_write(&config), OK, "%s", fail_message());
    cr_expect(!file_exists(path));
    char last[PATH_BYTES];
    cr_assert_eq(path_join(last, folder, "train/disc/000001.jpg"), OK);
    remove(last);
    cr_assert_eq(synth_write(&config), OK, "%s", fail_message());
    cr_expect(file_exists(path) && file_exists(last));
    config.n_classes = 2;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    config.classification = false;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
}

// Area and box of the file follow from its polygon.
Test(synth, annotations_agree_with_their_polygons)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct synth_config config = make(folder, 8);
    cJSON *tree;
    const cJSON *object;
    cr_assert_eq(synth_write(&config), OK, "%s", fail_message());
    cr_assert_eq(path_join(path, folder, "annotations/train.json"), OK);
    cr_assert_eq(json_load(path, 0, false, &tree), OK, "%s", fail_message());
    cJSON_ArrayForEach (object, json_find(tree, "annotations")) {
        struct polygon polygon = {0};
        double bounds[4];
        const cJSON *value = json_find(object, "segmentation")->child->child;
        for (; value; value = value->next->next) {
            polygon.x[polygon.n] = value->valuedouble;
            polygon.y[polygon.n++] = value->next->valuedouble;
        }
        polygon_bounds(&polygon, bounds);
        cr_expect_float_eq(json_find(object, "area")->valuedouble, polygon_area(&polygon), 1e-4);
        const cJSON *box = json_find(object, "bbox")->child;
        cr_expect_float_eq(box->valuedouble, bounds[0], 1e-9);
        cr_expect_float_eq(box->next->valuedouble, bounds[1], 1e-9);
        cr_expect_float_eq(box->next->next->valuedouble, bounds[2] - bounds[0], 1e-9);
        cr_expect_float_eq(box->next->next->next->valuedouble, bounds[3] - bounds[1], 1e-9);
        cr_expect(bounds[0] >= 0 && bounds[1] >= 0 && bounds[2] <= 96 && bounds[3] <= 64);
    }
    cJSON_Delete(tree);
}

Test(synth, the_seed_decides_everything)
{
    struct synth_config config = {.width = 64, .height = 48, .n_classes = 5, .smallest = 0.12, .seed = 7};
    struct scene a, b;
    size_t n = 3 * 64 * 48;
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(scene_create(&config, i, &a), OK);
        cr_assert_eq(scene_create(&config, i, &b), OK);
        cr_expect_eq(memcmp(a.image.rgb, b.image.rgb, n), 0);
        scene_free(&b);
        config.seed++;
        cr_assert_eq(scene_create(&config, i, &b), OK);
        cr_expect_neq(memcmp(a.image.rgb, b.image.rgb, n), 0);
        scene_free(&b);
        config.seed--;
        scene_free(&a);
    }
}

Test(synth, never_overwrites_something_else)
{
    char folder[PATH_BYTES], path[PATH_BYTES];
    struct synth_config config = make(folder, 4);
    cr_assert_eq(synth_write(&config), OK, "%s", fail_message());
    char *before = read_file(folder, "annotations/train.json");
    cr_expect_eq(synth_write(&config), OK, "the same set again");
    config.seed++;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    expect_message("holds something else");
    char *after = read_file(folder, "annotations/train.json");
    cr_expect_str_eq(before, after);
    // An unfinished set is finished.
    config.seed--;
    cr_assert_eq(path_join(path, folder, "annotations/train.json"), OK);
    remove(path);
    mem_free(after);
    cr_expect_eq(synth_write(&config), OK, "%s", fail_message());
    after = read_file(folder, "annotations/train.json");
    cr_expect_str_eq(before, after);
    mem_free(before);
    mem_free(after);
    // A folder that holds any other file.
    scratch_path(folder, "synth_other");
    cr_assert_eq(folder_create(folder), OK);
    cr_assert_eq(path_join(path, folder, "thesis.txt"), OK);
    cr_assert_eq(file_write(path, "x", 1), OK);
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    expect_message("synth_other: holds something else");
    // A file instead of a folder.
    config.output = path;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
}

Test(synth, refuses_senseless_settings)
{
    char folder[PATH_BYTES];
    const struct synth_config good = make(folder, 4);
    struct synth_config config = good;
    config.n_images = 0;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    config = good;
    config.n_val = 4;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    config = good;
    config.width = 31;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    config = good;
    config.tinted = 1.5;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    config = good;
    config.smallest = 0.6;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    config = good;
    config.n_classes = 9;
    cr_expect_eq(synth_write(&config), ERR_USAGE);
    cr_expect_not(file_exists(folder));
}

struct canvas {
    double sum;
    int n;
};

static void add_coverage(void *context, int x, int y, float coverage)
{
    struct canvas *canvas = (struct canvas *)context;
    cr_assert(x >= 0 && x < 50 && y >= 0 && y < 40 && coverage > 0.0f && coverage <= 1.0f);
    canvas->sum += (double)coverage;
    canvas->n++;
}

Test(synth, painted_area_is_the_polygons)
{
    struct rng rng;
    rng_start(&rng, 1, RNG_TEST, 0);
    for (int i = 0; i < 200; i++) {
        struct polygon shape, clipped;
        struct canvas canvas = {0};
        shape_outline(i % SYNTH_MAX_CLASSES, &rng, &shape);
        for (int k = 0; k < shape.n; k++)
            cr_expect_lt(hypot(shape.x[k], shape.y[k]), 1.1, "class %d", i % SYNTH_MAX_CLASSES);
        polygon_place(&shape, 0.1 * i, 5.0 + i % 20, 50 * rng_double(&rng), 40 * rng_double(&rng));
        polygon_clip(&shape, 50, 40, &clipped);
        polygon_fill(&clipped, 50, 40, add_coverage, &canvas);
        cr_expect_leq(polygon_area(&clipped), polygon_area(&shape) + 1.0);
        cr_expect_float_eq(canvas.sum, polygon_area(&clipped), 2.5, "class %d: %g, %g",
                           i % SYNTH_MAX_CLASSES, canvas.sum, polygon_area(&clipped));
    }
}

Test(synth, clipping_cuts_a_square)
{
    struct polygon square = {4, {-5, 5, 5, -5}, {-5, -5, 5, 5}}, clipped;
    polygon_clip(&square, 10, 3, &clipped);
    cr_expect_float_eq(polygon_area(&clipped), 15.0, 1e-9);
    polygon_place(&square, 0.0, 1.0, 100.0, 0.0);
    polygon_clip(&square, 10, 3, &clipped);
    cr_expect_eq(clipped.n, 0);
}

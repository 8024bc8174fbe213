#include "coco/dataset.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/scratch.h"

static enum status load_text(const char *text, struct coco_dataset **dataset)
{
    char path[PATH_BYTES], name[64];
    // Tests of one file run beside each other.
    snprintf(name, sizeof name, "dataset_%s.json", criterion_current_test->name);
    return coco_dataset_load(scratch_text(path, name, text), dataset);
}

// Annotations before images, ids with gaps and out of order, a crowd, boxes to clamp and to drop.
static const char sample[] =
    "{\"annotations\": ["
    "{\"id\": 7, \"image_id\": 30, \"category_id\": 90, \"bbox\": [10, 20, 30, 40], \"area\": "
    "600.5, "
    "\"iscrowd\": 0, \"segmentation\": [[1, 2, 3, 4, 5, 6]]},"
    "{\"id\": 3, \"image_id\": 5, \"category_id\": 1, \"bbox\": [-5, -5, 20, 10], \"area\": 1},"
    "{\"id\": 9, \"image_id\": 30, \"category_id\": 1, \"bbox\": [90, 40, 50, 50], \"iscrowd\": 1, "
    "\"segmentation\": {\"counts\": [1, 2], \"size\": [3, 1]}},"
    "{\"id\": 11, \"image_id\": 30, \"category_id\": 1, \"bbox\": [1, 1, 0, 5]},"
    "{\"id\": 12, \"image_id\": 30, \"category_id\": 1, \"bbox\": [1, 1, 5, -2]},"
    "{\"id\": 13, \"image_id\": 30, \"category_id\": 1, \"bbox\": [200, 1, 5, 5]},"
    "{\"id\": 4000000000, \"image_id\": 5, \"category_id\": 90, \"bbox\": [0, 0, 1, 1], "
    "\"segmentation\": null, \"area\": null}],"
    "\"info\": {}, \"images\": ["
    "{\"id\": 30, \"file_name\": \"c.jpg\", \"width\": 100, \"height\": 60},"
    "{\"id\": 20, \"file_name\": \"sub/b.jpg\"},"
    "{\"id\": 5, \"file_name\": \"a.jpg\", \"width\": 64.0, \"height\": 48},"
    "{\"id\": 30, \"file_name\": \"c.jpg\", \"width\": 100, \"height\": 60}],"
    "\"categories\": [{\"id\": 90, \"name\": \"zebra\"}, {\"id\": 1, \"name\": \"ant\"}]}";

Test(dataset, packs_what_the_file_says)
{
    struct coco_dataset *data;
    cr_assert_eq(load_text(sample, &data), OK, "%s", fail_message());
    cr_assert_eq(data->n_images, 3u);
    cr_assert_eq(data->n_categories, 2u);
    cr_assert_eq(data->n_objects, 4u);
    cr_expect_str_eq(data->categories[0].name, "ant");
    cr_expect_eq(data->categories[0].n_objects, 1);
    cr_expect_eq(data->categories[1].n_objects, 2);
    static const int64_t ids[] = {5, 20, 30};
    static const size_t counts[] = {2, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(data->images[i].id, ids[i]);
        cr_expect_eq(data->images[i].n_objects, counts[i]);
    }
    cr_expect_eq(data->images[1].width, 0);
    cr_expect_str_eq(data->images[1].file_name, "sub/b.jpg");
    const struct coco_object *first = &data->objects[data->images[0].first];
    cr_expect_eq(first[0].id, 3, "file order within the image");
    cr_expect_eq(first[0].box[0], 0.0f);
    cr_expect_eq(first[0].box[2], 15.0f);
    cr_expect_eq(first[1].id, INT64_C(4000000000));
    cr_expect_eq(first[1].area, 1.0, "of the box");
    cr_expect_eq(first[1].segmentation_bytes, 0u);
    const struct coco_object *last = &data->objects[data->images[2].first];
    cr_expect_eq(last[0].category, 1);
    cr_expect_eq(last[0].area, 600.5);
    cr_expect_eq(memcmp(sample + last[0].segmentation_offset, "[[1, 2, 3, 4, 5, 6]]",
                        last[0].segmentation_bytes),
                 0);
    cr_expect_eq(last[0].segmentation_bytes, strlen("[[1, 2, 3, 4, 5, 6]]"));
    cr_expect(last[1].is_crowd);
    cr_expect_eq(last[1].box[2], 100.0f);
    cr_expect_eq(last[1].box[3], 60.0f);
    cr_expect_eq(data->dropped.no_area, 2);
    cr_expect_eq(data->dropped.outside, 1);
    cr_expect_eq(data->dropped.crowd, 1);
    cr_expect_eq(data->dropped.duplicate_images, 1);
    cr_expect_eq(coco_category_index(data, 90), 1);
    cr_expect_eq(coco_category_index(data, 2), -1);
    cr_expect_eq(coco_image_find(data, 20), &data->images[1]);
    cr_expect_null(coco_image_find(data, 21));
    coco_dataset_destroy(data);
}

#define IMAGE1            "{\"id\": 1, \"file_name\": \"a.jpg\", \"width\": 9, \"height\": 9}"
#define IMAGES            "\"images\": [" IMAGE1 "]"
#define CATEGORIES        "\"categories\": [{\"id\": 1, \"name\": \"x\"}]"
#define WITH(annotations) "{" IMAGES "," CATEGORIES ",\"annotations\": [" annotations "]}"

struct bad_file {
    const char *text, *message;
    enum status status;
};

Test(dataset, errors_name_file_and_entry)
{
    static const struct bad_file cases[] = {
        {"", "byte 0: unexpected end of file", ERR_PARSE},
        {"{\"images\": [", "byte 12: unexpected end of file", ERR_PARSE},
        {"{" CATEGORIES "}", "has no \"images\"", ERR_DATA},
        {"[{\"image_id\": 1}]", "is an array (a results file?)", ERR_DATA},
        {"{\"images\": {}}", "\"images\" is an object, expected an array", ERR_DATA},
        {"{" IMAGES "," IMAGES "}", "a second \"images\"", ERR_DATA},
        {"{\"images\": [7]}", "images[0]: is a number, expected an object", ERR_DATA},
        {"{\"images\": [{\"id\": 1}]}", "images[0]: has no \"file_name\"", ERR_DATA},
        {"{\"images\": [{\"file_name\": \"a\"}]}", "images[0]: has no \"id\"", ERR_DATA},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"\"}]}", "images[0]: has an empty name",
         ERR_DATA},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"a\", \"width\": 0}]}",
         "images[0]: \"width\" is 0, expected 1 to 268435456", ERR_DATA},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"a\"}, {\"id\": 1, \"file_name\": \"b\"}]}",
         "images: id 1 occurs twice (\"", ERR_DATA},
        {"{" IMAGES
         ", \"categories\": [{\"id\": 1, \"name\": \"x\"}, {\"id\": 1, \"name\": \"y\"}]}",
         "categories: id 1 occurs twice", ERR_DATA},
        {"{" IMAGES ", \"categories\": [{\"id\": 1.5, \"name\": \"x\"}]}",
         "categories[0]: \"id\" is 1.5, expected a whole number", ERR_DATA},
        {"{" IMAGES ", \"annotations\": [{}]}", "has no \"categories\"", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 2, \"category_id\": 1, \"bbox\": [1, 1, 2, 2]}"),
         "annotations[0]: image_id 2 is not in \"images\"", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 3, \"bbox\": [1, 1, 2, 2]}"),
         "annotations[0]: category_id 3 is not in \"categories\"", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": \"1\", \"category_id\": 1, \"bbox\": [1, 1, 2, 2]}"),
         "annotations[0]: \"image_id\" is a string, expected a number", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 2]}"),
         "annotations[0]: \"bbox\" has 3 numbers, expected 4", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 2, \"2\"]}"),
         "annotations[0]: \"bbox\"[3] is not a finite number", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 2, 1e999]}"),
         "annotations[0]: \"bbox\"[3] is not a finite number", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 1e300, 2]}"),
         "annotations[0]: \"bbox\" reaches to 1", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, NaN, 2]}"),
         "NaN is not JSON", ERR_PARSE},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1}"),
         "annotations[0]: has no \"bbox\"", ERR_DATA},
        {WITH("{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 2, 2]},"
              "{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 2, 2]}"),
         "annotations: id 1 occurs twice", ERR_DATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct coco_dataset *data = NULL;
        cr_expect_eq(load_text(cases[i].text, &data), cases[i].status, "%s", cases[i].text);
        cr_expect_null(data);
        expect_message(cases[i].message);
        expect_message("dataset_errors_name_file_and_entry.json: ");
    }
}

Test(dataset, a_missing_file_is_named)
{
    struct coco_dataset *data;
    cr_expect_eq(coco_dataset_load("/does/not/exist.json", &data), ERR_IO);
    expect_message("/does/not/exist.json: cannot open");
}

Test(dataset, files_without_annotations_have_empty_images)
{
    struct coco_dataset *data;
    cr_assert_eq(load_text("{" IMAGES "}", &data), OK, "%s", fail_message());
    cr_expect_eq(data->n_images, 1u);
    cr_expect_eq(data->n_objects, 0u);
    coco_dataset_destroy(data);
}

Test(dataset, truncation_at_every_byte_is_an_error)
{
    char path[PATH_BYTES];
    for (size_t n = 0; n + 1 < sizeof sample; n++) {
        struct coco_dataset *data = NULL;
        scratch_write(path, "dataset_truncated.json", sample, n);
        cr_expect_eq(coco_dataset_load(path, &data), ERR_PARSE, "%zu", n);
        cr_expect_null(data);
    }
}

Test(dataset, every_allocation_may_fail)
{
    char path[PATH_BYTES];
    enum status status = ERR_MEMORY;
    scratch_text(path, "dataset_memory.json", sample);
    for (size_t nth = 1; status != OK; nth++) {
        struct coco_dataset *data = NULL;
        mem_fail_at(nth, false);
        status = coco_dataset_load(path, &data);
        mem_fail_at(0, false);
        cr_assert(status == OK || (status == ERR_MEMORY && !data), "%zu: %s", nth, fail_message());
        coco_dataset_destroy(data);
        cr_assert_lt(nth, 2000u);
    }
}

// Grouping in place equals grouping by hand, whatever the order in the file.
Test(dataset, objects_are_grouped_by_image_in_file_order)
{
    enum { N_IMAGES = 17, N_OBJECTS = 500 };
    char path[PATH_BYTES];
    struct file_writer writer;
    struct coco_dataset *data;
    scratch_path(path, "dataset_group.json");
    cr_assert_eq(file_writer_begin(&writer, path), OK);
    fputs("{" CATEGORIES ", \"annotations\": [", writer.stream);
    for (int i = 0; i < N_OBJECTS; i++)
        fprintf(writer.stream,
                "%s{\"id\": %d, \"image_id\": %d, \"category_id\": 1, \"bbox\": [1,1,2,2]}",
                i ? "," : "", i, i * i * 7 % N_IMAGES);
    fputs("], \"images\": [", writer.stream);
    for (int i = 0; i < N_IMAGES; i++)
        fprintf(writer.stream, "%s{\"id\": %d, \"file_name\": \"%d\"}", i ? "," : "",
                N_IMAGES - 1 - i, i);
    fputs("]}", writer.stream);
    cr_assert_eq(file_writer_commit(&writer), OK);
    cr_assert_eq(coco_dataset_load(path, &data), OK, "%s", fail_message());
    size_t n = 0;
    for (size_t i = 0; i < data->n_images; i++) {
        const struct coco_image *image = &data->images[i];
        cr_expect_eq(image->first, n);
        for (size_t k = 0; k < image->n_objects; k++, n++) {
            int64_t id = data->objects[n].id;
            cr_expect_eq(id * id * 7 % N_IMAGES, image->id);
            if (k) cr_expect_gt(id, data->objects[n - 1].id);
        }
    }
    cr_expect_eq(n, N_OBJECTS);
    coco_dataset_destroy(data);
}

Test(dataset, real_coco_has_gaps_in_its_ids_and_crowds)
{
    struct coco_dataset *data;
    if (!file_exists(TARN_SHARED_DATA "/coco")) cr_skip_test("no ../shared/data");
    cr_assert_eq(coco_dataset_load(TARN_SHARED_DATA "/coco/annotations/train.json", &data), OK,
                 "%s", fail_message());
    cr_expect_eq(data->n_images, 180u);
    cr_expect_eq(data->n_objects + (size_t)data->dropped.no_area + (size_t)data->dropped.outside,
                 1485u);
    cr_expect_eq(data->n_categories, 80u);
    cr_expect_eq(data->categories[79].id, 90);
    cr_expect_str_eq(data->categories[79].name, "toothbrush");
    cr_expect_eq(data->dropped.crowd, 14);
    coco_dataset_destroy(data);
    cr_assert_eq(coco_dataset_load(TARN_SHARED_DATA "/bccd/annotations/train.json", &data), OK,
                 "%s", fail_message());
    cr_expect_eq(data->n_images, 205u);
    cr_expect_eq(data->n_objects + (size_t)data->dropped.no_area + (size_t)data->dropped.outside,
                 2804u);
    coco_dataset_destroy(data);
}

// Images with classes: folders, lists, boxes of annotations, and what is wrong with them.
#include "coco/class_set.h"

#include "base/mem.h"
#include "coco/class_list.h"
#include "coco/image.h"
#include "tests/scratch.h"

static const char *folder_of(char path[PATH_BYTES], const char *name)
{
    char full[PATH_BYTES];
    snprintf(full, sizeof full, "classes_%s/%s", criterion_current_test->name, name);
    scratch_path(path, full);
    cr_assert_eq(folder_create(path), OK, "%s", fail_message());
    return path;
}

static void touch(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    cr_assert_eq(path_join(path, folder, name), OK);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    fputs("x", file);
    fclose(file);
}

// CLASS:FILE of each image in turn.
static void expect_images(const struct coco_dataset *set, size_t n, const char *const *want)
{
    cr_assert_eq(set->n_images, n, "%zu images", set->n_images);
    for (size_t i = 0; i < n; i++) {
        char got[256];
        const struct coco_image *image = &set->images[i];
        cr_assert_eq(image->n_objects, 1);
        int class = set->objects[image->first].category;
        snprintf(got, sizeof got, "%s:%s", class < 0 ? "?" : set->categories[class].name,
                 image->file_name);
        cr_expect_str_eq(got, want[i]);
    }
}

static void refuses(const struct class_source *source, enum status status, const char *part)
{
    struct coco_dataset *set = NULL;
    cr_assert_eq(class_set_load(source, &set), status, "%s", fail_message());
    expect_message(part);
}

Test(class_set, a_folder_for_each_class)
{
    static const char *const want[] = {"cat:cat/1.jpg", "cat:cat/2.PNG", "dog:dog/a b.jpeg"};
    char root[PATH_BYTES], path[PATH_BYTES];
    folder_of(root, "");
    touch(folder_of(path, "dog"), "a b.jpeg");
    touch(path, "notes.txt");
    touch(folder_of(path, "cat"), "2.PNG");
    touch(path, "1.jpg");
    touch(root, "loose.jpg");
    struct class_source source = {.format = CLASS_FOLDERS, .images = root};
    struct coco_dataset *set;
    cr_assert_eq(class_set_load(&source, &set), OK, "%s", fail_message());
    expect_images(set, 3, want);
    cr_expect_eq(set->n_categories, 2);
    cr_expect_eq(set->categories[0].n_objects, 2);
    cr_expect_eq(set->categories[1].id, 1);
    coco_dataset_destroy(set);

    // A model's own classes decide the channels; it may have more of them.
    static const char *const names[] = {"dog", "bird", "cat"};
    source.names = names;
    source.n_names = 3;
    cr_assert_eq(class_set_load(&source, &set), OK, "%s", fail_message());
    expect_images(set, 3, want);
    cr_expect_eq(set->n_categories, 3);
    cr_expect_eq(set->objects[set->images[0].first].category, 2);
    coco_dataset_destroy(set);
    source.n_names = 2;
    refuses(&source, ERR_DATA, "'cat' is not among the model's 2");

    source.images = folder_of(path, "cat");
    source.names = NULL;
    refuses(&source, ERR_DATA, "no images");
    source.images = "/no/such/folder";
    refuses(&source, ERR_IO, "/no/such/folder");
}

Test(class_set, a_list)
{
    static const char *const want[] = {"10:x y.jpg", "9:b.jpg", "10:c.png"};
    char list[PATH_BYTES];
    scratch_text(list, "list.txt",
                 "# a comment\n  x y.jpg\t10  \r\n\nb.jpg 9\nc.png 10");
    struct class_source source = {.format = CLASS_LIST, .images = "", .list = list};
    struct coco_dataset *set;
    cr_assert_eq(class_set_load(&source, &set), OK, "%s", fail_message());
    expect_images(set, 3, want);
    cr_expect_str_eq(set->categories[0].name, "9"); // numbers by size, not as texts
    coco_dataset_destroy(set);
    scratch_text(list, "bad_list.txt", "a.jpg 1\nb.jpg\n");
    refuses(&source, ERR_DATA, "line 2");
    scratch_text(list, "empty_list.txt", "# nothing\n\n");
    refuses(&source, ERR_DATA, "no images");
    source.list = "/no/such/list.txt";
    refuses(&source, ERR_IO, "/no/such/list.txt");
}

Test(class_list, names_and_long_numbers_are_texts)
{
    static const char *const orders[][4] = {
        {"a 2\nb 10\n", "2", "10", "numbers"},
        {"a 2\nb x\nc 10\n", "10", "2", "names"},
        {"a 10000000000\nb 9\n", "10000000000", "9", "more digits than fit"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        char path[PATH_BYTES];
        struct class_list list;
        scratch_text(path, "order.txt", orders[i][0]);
        cr_assert_eq(class_list_read(path, &list), OK, "%s", fail_message());
        cr_expect_str_eq(list.classes[0], orders[i][1], "%s", orders[i][3]);
        cr_expect_str_eq(list.classes[1], orders[i][2], "%s", orders[i][3]);
        cr_expect_str_eq(list.classes[list.lines[0].channel], list.lines[0].name);
        class_list_free(&list);
    }
}

static const char CROPS[] =
    "{\"images\": [{\"id\": 1, \"file_name\": \"p.jpg\", \"width\": 100, \"height\": 80},"
    "{\"id\": 2, \"file_name\": \"q.jpg\", \"width\": 50, \"height\": 50}],"
    "\"categories\": [{\"id\": 7, \"name\": \"ring\"}, {\"id\": 3, \"name\": \"disc\"}],"
    "\"annotations\": ["
    "{\"id\": 30, \"image_id\": 1, \"category_id\": 7, \"bbox\": [10, 20, 30, 40]},"
    "{\"id\": 10, \"image_id\": 2, \"category_id\": 3, \"bbox\": [0, 0, 9, 50]},"
    "{\"id\": 20, \"image_id\": 1, \"category_id\": 3, \"bbox\": [0, 0, 5, 50]},"
    "{\"id\": 40, \"image_id\": 1, \"category_id\": 3, \"iscrowd\": 1, \"bbox\": [0, 0, 50, 50]}"
    "]}";

Test(class_set, boxes_are_images)
{
    static const char *const want[] = {"disc:q.jpg", "ring:p.jpg"}; // by the annotations' ids
    char path[PATH_BYTES];
    scratch_text(path, "crops.json", CROPS);
    struct class_source source = {
        .format = CLASS_CROPS, .images = "", .list = path, .min_side = 8};
    struct coco_dataset *set;
    cr_assert_eq(class_set_load(&source, &set), OK, "%s", fail_message());
    expect_images(set, 2, want);
    cr_expect_eq(set->images[1].id, 30);
    cr_expect_eq(set->images[1].width, 100);
    const float *box = set->objects[set->images[1].first].box;
    cr_expect(box[0] == 10 && box[1] == 20 && box[2] == 40 && box[3] == 60);
    coco_dataset_destroy(set);
    static const char *const names[] = {"disc"};
    source.names = names;
    source.n_names = 1;
    refuses(&source, ERR_DATA, "'ring' is not among the model's 1");
    source.names = NULL;
    source.min_side = 60;
    refuses(&source, ERR_DATA, "no images");
}

Test(class_set, files_without_classes)
{
    static const char *const files[] = {"/a/1.jpg", "2.png"};
    static const char *const want[] = {"?:/a/1.jpg", "?:2.png"};
    const struct class_source source = {
        .format = CLASS_FILES, .images = "", .files = files, .n_files = 2};
    struct coco_dataset *set;
    cr_assert_eq(class_set_load(&source, &set), OK, "%s", fail_message());
    expect_images(set, 2, want);
    coco_dataset_destroy(set);
}

Test(class_set, every_memory_error_is_told)
{
    char path[PATH_BYTES];
    scratch_text(path, "memory.json", CROPS);
    const struct class_source source = {
        .format = CLASS_CROPS, .images = "", .list = path, .min_side = 8};
    size_t n = 1;
    for (enum status status = ERR_MEMORY; status != OK; n++) {
        struct coco_dataset *set = NULL;
        mem_fail_at(n, true);
        status = class_set_load(&source, &set);
        mem_fail_at(0, false);
        cr_assert(status == OK || status == ERR_MEMORY, "%s", fail_message());
        coco_dataset_destroy(set);
        cr_assert(n < 1000);
    }
    cr_expect_gt(n, 5);
}

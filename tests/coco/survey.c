// The survey of a data set: what it counts and finds, in any number of threads, and when memory
// runs out. Every kind of defect: tests/program/data.test.sh.
#include "coco/survey.h"

#include "base/mem.h"
#include "coco/image.h"
#include "tests/scratch.h"

static void write_set(char folder[PATH_BYTES], char annotations[PATH_BYTES])
{
    static const char text[] =
        "{\"categories\":[{\"id\":4,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}],\"images\":["
        "{\"id\":9,\"file_name\":\"9.png\",\"width\":8,\"height\":6},"
        "{\"id\":3,\"file_name\":\"3.png\"},{\"id\":5,\"file_name\":\"gone.png\"}],"
        "\"annotations\":["
        "{\"id\":1,\"image_id\":9,\"category_id\":4,\"bbox\":[1,1,4,4],\"segmentation\":"
        "[[1,1,5,1,5,5,1,5]],\"area\":16},"
        "{\"id\":2,\"image_id\":9,\"category_id\":4,\"bbox\":[1,1,4,4],\"iscrowd\":1},"
        "{\"id\":3,\"image_id\":9,\"category_id\":2,\"bbox\":[6,1,9,4],\"segmentation\":"
        "{\"size\":[6,8],\"counts\":[36,12]}},"
        "{\"id\":4,\"image_id\":3,\"category_id\":4,\"bbox\":[1,1,4,4],\"segmentation\":"
        "{\"size\":[8,8],\"counts\":[64]}},"
        "{\"id\":5,\"image_id\":8,\"category_id\":4,\"bbox\":[1,1,4,4]}]}";
    char name[64], path[PATH_BYTES];
    uint8_t rgb[8 * 6 * 3] = {0};
    struct image image = {8, 6, rgb};
    snprintf(name, sizeof name, "survey_%s", criterion_current_test->name);
    scratch_path(folder, name);
    cr_assert_eq(folder_create(folder), OK);
    for (int i = 3; i < 10; i += 6) {
        snprintf(name, sizeof name, "%d.png", i);
        cr_assert_eq(path_join(path, folder, name), OK);
        cr_assert_eq(image_save_png(path, &image), OK);
    }
    snprintf(name, sizeof name, "survey_%s.json", criterion_current_test->name);
    scratch_text(annotations, name, text);
}

static void expect_one(const struct survey *s, enum defect_kind kind, int64_t image,
                       int64_t annotation)
{
    cr_expect_eq(s->defects.counts[kind], 1, "%s: %zu", defect_infos[kind].name,
                 s->defects.counts[kind]);
    for (size_t i = 0; i < s->defects.n; i++) {
        const struct defect *defect = &s->defects.list[i];
        if (defect->kind != kind) continue;
        if (image) cr_expect_eq(defect->image_id, image);
        if (annotation) cr_expect_eq(defect->annotation_id, annotation);
    }
}

Test(survey, counts_and_finds)
{
    char folder[PATH_BYTES], annotations[PATH_BYTES];
    write_set(folder, annotations);
    for (int threads = 1; threads <= 4; threads += 3) {
        struct survey_options options = {.image_folder = folder, .n_threads = threads};
        struct survey *s;
        cr_assert_eq(survey_run(annotations, &options, &s), OK, "%s", fail_message());
        cr_expect_eq(s->n_images, 3);
        cr_expect_eq(s->n_objects, 5);
        cr_expect_eq(s->n_known, 4);
        cr_expect_eq(s->n_masks, 3);
        cr_expect_eq(s->categories[0].id, 2);
        cr_expect_eq(s->categories[0].n_objects, 1);
        cr_expect_eq(s->categories[1].n_objects, 2);
        cr_expect_eq(s->category_images[1], 2);
        cr_expect_eq(s->images[0].width, 8); // of the file: the annotations do not tell
        cr_expect_eq(s->images[2].n_valid, 2);
        cr_expect_eq(s->images[2].n_crowds, 1);
        cr_expect_eq(s->objects[1].mask_pixels, 16);
        expect_one(s, DEFECT_KIND_CROWD, 9, 2);
        expect_one(s, DEFECT_KIND_REACHES_OUT, 9, 3);
        expect_one(s, DEFECT_KIND_BAD_MASK, 3, 4);
        expect_one(s, DEFECT_KIND_UNKNOWN_IMAGE, 0, 5);
        expect_one(s, DEFECT_KIND_MISSING_FILE, 5, 0);
        expect_one(s, DEFECT_KIND_EMPTY_IMAGE, 5, 0);
        cr_expect_eq(s->defects.n, 6);
        cr_expect_eq(defects_count(&s->defects, DEFECT_REFUSED), 2);
        cr_expect_eq(defects_count(&s->defects, DEFECT_MASKS), 1);
        survey_destroy(s);
    }
}

Test(survey, any_failing_allocation_is_an_error)
{
    char folder[PATH_BYTES], annotations[PATH_BYTES];
    write_set(folder, annotations);
    struct survey_options options = {.image_folder = folder, .n_threads = 1};
    enum status status = ERR_MEMORY;
    for (size_t nth = 1; status != OK; nth++) {
        struct survey *s;
        mem_fail_at(nth, false);
        status = survey_run(annotations, &options, &s);
        mem_fail_at(0, false);
        cr_assert(status == OK || status == ERR_MEMORY, "allocation %zu: %d %s", nth, (int)status,
                  fail_message());
        cr_assert_lt(nth, 3000);
        if (status == OK) survey_destroy(s);
    }
}

#include "tests/coco/loader_set.h"

#include "base/mem.h"

static void damage(const struct loader_set *f, const char *name)
{
    char path[PATH_BYTES];
    cr_assert_eq(path_join(path, f->folder, name), OK);
    cr_assert_eq(file_write(path, "\x89PNG\r\n\x1a\nxx", 10), OK);
}

Test(loader, broken_images_are_named_or_left_out)
{
    struct loader_set f;
    char path[PATH_BYTES];
    struct batch *batch;
    loader_set_up(&f, false);
    damage(&f, "4.png");
    struct loader *loader = loader_set_start(&f);
    loader_set_next(loader);
    cr_expect_eq(loader_next(loader, &batch), ERR_DATA);
    expect_message("/4.png: broken PNG: unexpected end of file");
    loader_destroy(loader);
    // Three of one batch gone: that batch is skipped.
    damage(&f, "3.png");
    cr_assert_eq(path_join(path, f.folder, "5.png"), OK);
    remove(path);
    f.config.skip_broken = true;
    loader = loader_set_start(&f);
    cr_expect_eq(loader_set_next(loader)->image_ids[0], 100);
    cr_expect_eq(loader_set_next(loader)->image_ids[0], 106);
    int n = 0;
    while ((batch = loader_set_next(loader))) n += batch->n;
    cr_expect_eq(n, 2);
    cr_expect_eq(loader_n_broken(loader), 3u);
    loader_destroy(loader);
    // One of a batch gone: the others move up.
    coco_dataset_destroy(f.dataset);
    loader_set_up(&f, false);
    damage(&f, "0.png");
    f.config.skip_broken = true;
    loader = loader_set_start(&f);
    batch = loader_set_next(loader);
    cr_expect_eq(batch->n, 2);
    for (int i = 0; i < 2; i++) loader_set_expect_image(&f, batch, i, false);
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, sizes_that_differ_from_the_annotation_are_an_error)
{
    struct loader_set f;
    struct batch *batch;
    loader_set_up(&f, false);
    f.dataset->images[0].width++;
    struct loader *loader = loader_set_start(&f);
    cr_expect_eq(loader_next(loader, &batch), ERR_DATA);
    expect_message("/0.png: the image is 20 x 40, its annotation (id 100) says 21 x 40");
    loader_destroy(loader);
    // Sizes that the file does not tell cannot differ; boxes are then clamped to the image.
    f.dataset->images[0].width = f.dataset->images[0].height = 0;
    f.dataset->objects[0].box[2] = 1000.0f;
    loader = loader_set_start(&f);
    batch = loader_set_next(loader);
    cr_expect_eq(batch->boxes[2], 20.0f * (batch->sizes[1] / 20.0f));
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, training_refuses_missing_files_at_once)
{
    struct loader_set set;
    struct loader *loader = NULL;
    char path[PATH_BYTES];
    loader_set_up(&set, true);
    for (int i = 4; i < 7; i++) { // image 4 is empty
        char name[16];
        snprintf(name, sizeof name, "%d.png", i);
        cr_assert_eq(path_join(path, set.folder, name), OK);
        remove(path);
    }
    cr_expect_eq(loader_create(&set.config, &loader), ERR_IO);
    expect_message("/4.png: does not exist; 3 of 11 image files of ");
    set.config.keep_empty = false;
    cr_expect_eq(loader_create(&set.config, &loader), ERR_IO);
    expect_message("/5.png: does not exist; 2 of 11 image files of ");
    coco_dataset_destroy(set.dataset);
}

Test(loader, can_be_destroyed_at_any_time)
{
    struct loader_set f;
    loader_set_up(&f, true);
    for (int i = 0; i < 30; i++) {
        f.config.n_threads = 1 + i % 4;
        struct loader *loader = loader_set_start(&f);
        for (int k = 0; k < i % 3; k++) loader_set_next(loader);
        loader_destroy(loader);
    }
    loader_destroy(NULL);
    coco_dataset_destroy(f.dataset);
}

Test(loader, refuses_senseless_settings)
{
    struct loader_set f;
    struct loader *loader = NULL;
    loader_set_up(&f, true);
    struct loader_config good = f.config;
    f.config.batch_size = 0;
    cr_expect_eq(loader_create(&f.config, &loader), ERR_USAGE);
    f.config = good;
    f.config.min_sizes[1] = 0;
    cr_expect_eq(loader_create(&f.config, &loader), ERR_USAGE);
    f.config = good;
    f.dataset->n_images = 0;
    cr_expect_eq(loader_create(&f.config, &loader), ERR_DATA);
    expect_message("no images to train on");
    cr_expect_null(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, allocation_failures_are_reported)
{
    struct loader_set f;
    loader_set_up(&f, false);
    f.config.n_threads = 1;
    f.config.queue_length = 1;
    f.config.skip_broken = true; // memory is no reason to leave an image out
    bool is_complete = false;
    for (size_t nth = 1; !is_complete; nth++) {
        struct loader *loader = NULL;
        struct batch *batch = NULL;
        mem_fail_at(nth, false);
        enum status status = loader_create(&f.config, &loader);
        int n = 0;
        while (status == OK && (status = loader_next(loader, &batch)) == OK && batch) n += batch->n;
        mem_fail_at(0, false);
        is_complete = status == OK;
        cr_assert(is_complete || status == ERR_MEMORY, "%zu: %s", nth, fail_message());
        if (is_complete) cr_expect_eq(n, LOADER_SET_N);
        loader_destroy(loader);
        cr_assert_lt(nth, 2000u);
    }
    coco_dataset_destroy(f.dataset);
}

#include "tests/coco/loader_set.h"

static uint64_t hash(uint64_t state, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        state = (state ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
    return state;
}

static uint64_t hash_batch(const struct batch *b)
{
    size_t n = (size_t)b->n, g = n * (size_t)b->max_objects;
    uint64_t h = UINT64_C(14695981039346656037);
    h = hash(h, b->images, n * (size_t)b->height * (size_t)b->width * 3 * sizeof(float));
    h = hash(h, b->sizes, 2 * n * sizeof *b->sizes);
    h = hash(h, b->original_sizes, 2 * n * sizeof *b->original_sizes);
    h = hash(h, b->image_ids, n * sizeof *b->image_ids);
    h = hash(h, b->boxes, 4 * g * sizeof *b->boxes);
    h = hash(h, b->labels, g * sizeof *b->labels);
    return hash(h, b->counts, n * sizeof *b->counts);
}

Test(loader, content_depends_on_seed_and_index_alone)
{
    enum { ROUNDS = 20 };
    struct loader_set f;
    uint64_t hashes[ROUNDS];
    loader_set_up(&f, true);
    f.config.group_by_aspect = true;
    static const int threads[] = {1, 2, 4}, queues[] = {1, 4, 2};
    for (int k = 0; k < 3; k++) {
        f.config.n_threads = threads[k];
        f.config.queue_length = queues[k];
        struct loader *loader = loader_set_start(&f);
        for (int i = 0; i < ROUNDS; i++) {
            struct batch *batch = loader_set_next(loader);
            if (k == 0) hashes[i] = hash_batch(batch);
            cr_expect_eq(hash_batch(batch), hashes[i], "%d threads, batch %d", threads[k], i);
            loader_release(loader, batch);
        }
        loader_destroy(loader);
    }
    for (int first = 1; first < ROUNDS; first += 6) {
        f.config.first_iteration = first;
        struct loader *loader = loader_set_start(&f);
        for (int i = first; i < ROUNDS; i++) // released by the next call
            cr_expect_eq(hash_batch(loader_set_next(loader)), hashes[i], "resumed at %d, batch %d",
                         first, i);
        loader_destroy(loader);
    }
    f.config.first_iteration = 0;
    f.config.seed = 6;
    struct loader *loader = loader_set_start(&f);
    cr_expect_neq(hash_batch(loader_set_next(loader)), hashes[0]);
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, evaluation_passes_once_in_order)
{
    struct loader_set f;
    loader_set_up(&f, false);
    struct loader *loader = loader_set_start(&f);
    cr_expect_eq(loader_n_images(loader), LOADER_SET_N);
    int64_t expected = 100;
    struct batch *batch;
    while ((batch = loader_set_next(loader))) {
        cr_expect_eq(batch->n, expected < 109 ? LOADER_SET_BATCH : 2);
        cr_expect_eq(batch->height % 32, 0);
        cr_expect_eq(batch->width % 32, 0);
        for (int i = 0; i < batch->n; i++) {
            int width, height, new_width, new_height;
            cr_expect_eq(batch->image_ids[i], expected);
            cr_expect_eq(batch->image_index[i], (size_t)(expected - 100));
            loader_set_size((int)expected++ - 100, &width, &height);
            resize_target(width, height, 45, 70, &new_width, &new_height);
            cr_expect_eq(batch->original_sizes[2 * i], height);
            cr_expect_eq(batch->original_sizes[2 * i + 1], width);
            cr_expect_eq(batch->sizes[2 * i], (float)new_height);
            cr_expect_eq(batch->sizes[2 * i + 1], (float)new_width);
        }
        loader_release(loader, batch);
    }
    cr_expect_eq(expected, 100 + LOADER_SET_N);
    cr_expect_null(loader_set_next(loader));
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, pixels_and_boxes_flip_in_step)
{
    struct loader_set f;
    loader_set_up(&f, true);
    for (int flip = 0; flip < 2; flip++) {
        f.config.flip_probability = flip;
        struct loader *loader = loader_set_start(&f);
        for (int round = 0; round < 8; round++) {
            struct batch *batch = loader_set_next(loader);
            for (int i = 0; i < batch->n; i++) loader_set_expect_image(&f, batch, i, flip);
        }
        loader_destroy(loader);
    }
    coco_dataset_destroy(f.dataset);
}

Test(loader, training_draws_sizes_and_flips)
{
    struct loader_set f;
    loader_set_up(&f, true);
    struct loader *loader = loader_set_start(&f);
    int small = 0, total = 0;
    for (int round = 0; round < 40; round++) {
        const struct batch *batch = loader_set_next(loader);
        for (int i = 0; i < batch->n; i++, total++) {
            int width, height;
            resize_target(batch->original_sizes[2 * i + 1], batch->original_sizes[2 * i], 30, 70,
                          &width, &height);
            small += batch->sizes[2 * i] == (float)height;
        }
    }
    cr_expect(small > total / 4 && small < 3 * total / 4, "%d of %d", small, total);
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, labels_are_indices_or_raw_ids)
{
    struct loader_set f;
    loader_set_up(&f, false);
    for (int raw = 0; raw < 2; raw++) {
        f.config.raw_labels = raw;
        struct loader *loader = loader_set_start(&f);
        const struct batch *batch = loader_set_next(loader); // images 0, 1, 2 with 1, 2, 3 boxes
        int32_t first = raw ? 3 : 1, second = raw ? 70 : 2;
        cr_assert_eq(batch->max_objects, 3);
        static const int32_t kinds[9] = {1, 0, 0, 1, 2, 0, 1, 2, 2};
        for (int i = 0; i < 9; i++)
            cr_expect_eq(batch->labels[i], kinds[i] == 0 ? 0 : kinds[i] == 1 ? first : second);
        loader_destroy(loader);
    }
    coco_dataset_destroy(f.dataset);
}

Test(loader, empty_images_stay_or_go)
{
    struct loader_set f;
    loader_set_up(&f, true);
    for (int keep = 0; keep < 2; keep++) {
        f.config.keep_empty = keep;
        struct loader *loader = loader_set_start(&f);
        cr_expect_eq(loader_n_images(loader), (size_t)(keep ? LOADER_SET_N : LOADER_SET_N - 2));
        int n_empty = 0;
        for (int round = 0; round < 12; round++) {
            const struct batch *batch = loader_set_next(loader);
            for (int i = 0; i < batch->n; i++) n_empty += batch->counts[i] == 0;
        }
        cr_expect_eq(n_empty > 0, keep);
        loader_destroy(loader);
    }
    coco_dataset_destroy(f.dataset);
}

Test(loader, reads_real_photographs)
{
    struct coco_dataset *dataset;
    if (!file_exists(TARN_SHARED_DATA "/coco")) cr_skip_test("no ../shared/data");
    cr_assert_eq(coco_dataset_load(TARN_SHARED_DATA "/coco/annotations/val.json", &dataset), OK);
    struct loader_config config = {.dataset = dataset,
                                   .image_folder = TARN_SHARED_DATA "/coco/images",
                                   .batch_size = 8,
                                   .n_min_sizes = 1,
                                   .min_sizes = {200},
                                   .max_size = 333,
                                   .raw_labels = true,
                                   .n_threads = 2,
                                   .queue_length = 2};
    struct loader *loader;
    cr_assert_eq(loader_create(&config, &loader), OK);
    int n = 0, n_boxes = 0;
    const struct batch *batch;
    while ((batch = loader_set_next(loader))) {
        n += batch->n;
        for (int i = 0; i < batch->n; i++) {
            n_boxes += batch->counts[i];
            for (int k = 0; k < batch->counts[i]; k++) {
                size_t at = (size_t)i * (size_t)batch->max_objects + (size_t)k;
                cr_expect_leq(batch->boxes[4 * at + 2], batch->sizes[2 * i + 1] + 1e-3f);
                cr_expect_leq(batch->boxes[4 * at + 3], batch->sizes[2 * i] + 1e-3f);
                cr_expect(batch->labels[at] >= 1 && batch->labels[at] <= 90);
            }
        }
    }
    cr_expect_eq(n, 98);
    cr_expect_eq(n_boxes, 685);
    loader_destroy(loader);
    coco_dataset_destroy(dataset);
}

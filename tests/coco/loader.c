#include "coco/loader.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/mem.h"
#include "tests/scratch.h"

// A set of N images of different sizes, in one folder with its annotations.
enum { N = 11, BATCH = 3 };

static void size_of(int i, int *width, int *height)
{
    *width = 20 + 3 * i;
    *height = i % 3 ? 24 : 40 + 5 * i;
}

static const char *make_set(char folder[PATH_BYTES])
{
    char name[64], path[PATH_BYTES];
    snprintf(name, sizeof name, "loader_%s", criterion_current_test->name);
    scratch_path(folder, name);
    cr_assert_eq(folder_create(folder), OK);
    cr_assert_eq(path_join(path, folder, "all.json"), OK);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs("{\"categories\": [{\"id\": 3, \"name\": \"a\"}, {\"id\": 70, \"name\": \"b\"}],\"images\": [",
          file);
    for (int i = 0; i < N; i++) {
        struct image image;
        size_of(i, &image.width, &image.height);
        fprintf(file, "%s{\"id\": %d, \"file_name\": \"%d.png\", \"width\": %d, \"height\": %d}",
                i ? "," : "", 100 + i, i, image.width, image.height);
        size_t n = 3 * (size_t)image.width * (size_t)image.height;
        image.rgb = (uint8_t *)mem_alloc(n, 1);
        for (size_t k = 0; k < n; k++) image.rgb[k] = (uint8_t)(k * 7 + (size_t)i * 31 + k / 61);
        snprintf(name, sizeof name, "%d.png", i);
        cr_assert_eq(path_join(path, folder, name), OK);
        cr_assert_eq(image_save_png(path, &image), OK, "%s", fail_message());
        image_free(&image);
    }
    // Image 4 stays empty, image 5 has a crowd only; the others have i % 3 + 1 boxes.
    fputs("], \"annotations\": [", file);
    for (int i = 0, id = 0; i < N; i++)
        for (int k = 0; k <= i % 3 && i != 4; k++, id++)
            fprintf(file,
                    "%s{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"iscrowd\": %d, "
                    "\"bbox\": [%d, %d, 6.5, 8]}",
                    id ? "," : "", id, 100 + i, k ? 70 : 3, i == 5, 2 + k, 3 + i);
    fputs("]}", file);
    fclose(file);
    return folder;
}

struct fixture {
    char folder[PATH_BYTES];
    struct coco_dataset *dataset;
    struct loader_config config;
};

static void set_up(struct fixture *f, bool is_training)
{
    char path[PATH_BYTES];
    make_set(f->folder);
    cr_assert_eq(path_join(path, f->folder, "all.json"), OK);
    cr_assert_eq(coco_dataset_load(path, &f->dataset), OK, "%s", fail_message());
    f->config = (struct loader_config){
        .dataset = f->dataset, .image_folder = f->folder, .batch_size = BATCH,
        .is_training = is_training, .n_min_sizes = 2, .min_sizes = {30, 45}, .max_size = 70,
        .flip_probability = 0.5, .keep_empty = true, .seed = 5, .n_threads = 2, .queue_length = 2};
}

static struct loader *start(const struct fixture *f)
{
    struct loader *loader = NULL;
    cr_assert_eq(loader_create(&f->config, &loader), OK, "%s", fail_message());
    return loader;
}

static struct batch *next(struct loader *loader)
{
    struct batch *batch;
    cr_assert_eq(loader_next(loader, &batch), OK, "%s", fail_message());
    return batch;
}

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
    struct fixture f;
    uint64_t hashes[ROUNDS];
    set_up(&f, true);
    f.config.group_by_aspect = true;
    static const int threads[] = {1, 2, 4}, queues[] = {1, 4, 2};
    for (int k = 0; k < 3; k++) {
        f.config.n_threads = threads[k];
        f.config.queue_length = queues[k];
        struct loader *loader = start(&f);
        for (int i = 0; i < ROUNDS; i++) {
            struct batch *batch = next(loader);
            if (k == 0) hashes[i] = hash_batch(batch);
            cr_expect_eq(hash_batch(batch), hashes[i], "%d threads, batch %d", threads[k], i);
            loader_release(loader, batch);
        }
        loader_destroy(loader);
    }
    for (int first = 1; first < ROUNDS; first += 6) {
        f.config.first_iteration = first;
        struct loader *loader = start(&f);
        for (int i = first; i < ROUNDS; i++) // released by the next call
            cr_expect_eq(hash_batch(next(loader)), hashes[i], "resumed at %d, batch %d", first, i);
        loader_destroy(loader);
    }
    f.config.first_iteration = 0;
    f.config.seed = 6;
    struct loader *loader = start(&f);
    cr_expect_neq(hash_batch(next(loader)), hashes[0]);
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, evaluation_passes_once_in_order)
{
    struct fixture f;
    set_up(&f, false);
    struct loader *loader = start(&f);
    cr_expect_eq(loader_n_images(loader), N);
    int64_t expected = 100;
    struct batch *batch;
    while ((batch = next(loader))) {
        cr_expect_eq(batch->n, expected < 109 ? BATCH : 2);
        cr_expect_eq(batch->height % 32, 0);
        cr_expect_eq(batch->width % 32, 0);
        for (int i = 0; i < batch->n; i++) {
            int width, height, new_width, new_height;
            cr_expect_eq(batch->image_ids[i], expected);
            cr_expect_eq(batch->image_index[i], (size_t)(expected - 100));
            size_of((int)expected++ - 100, &width, &height);
            resize_target(width, height, 45, 70, &new_width, &new_height);
            cr_expect_eq(batch->original_sizes[2 * i], height);
            cr_expect_eq(batch->original_sizes[2 * i + 1], width);
            cr_expect_eq(batch->sizes[2 * i], (float)new_height);
            cr_expect_eq(batch->sizes[2 * i + 1], (float)new_width);
        }
        loader_release(loader, batch);
    }
    cr_expect_eq(expected, 100 + N);
    cr_expect_null(next(loader));
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

// The pixels of a batch are those of the image, resized and flipped; the boxes go with them.
static void expect_image(const struct fixture *f, const struct batch *batch, int slot, bool flip)
{
    const struct coco_image *entry = &f->dataset->images[batch->image_index[slot]];
    char path[PATH_BYTES];
    struct image image;
    int new_height = (int)batch->sizes[2 * slot], new_width = (int)batch->sizes[2 * slot + 1];
    size_t n = 3 * (size_t)batch->width * (size_t)batch->height;
    float *canvas = (float *)mem_alloc(n, sizeof *canvas);
    cr_assert_eq(path_join(path, f->folder, entry->file_name), OK);
    cr_assert_eq(image_load(path, EXIF_IGNORE, &image, NULL), OK);
    cr_assert_eq(image_to_canvas(&image, flip, new_width, new_height, canvas, batch->width,
                                 batch->height), OK);
    cr_expect_eq(memcmp(canvas, batch->images + (size_t)slot * n, n * sizeof *canvas), 0);
    int32_t kept = 0;
    for (size_t k = 0; k < entry->n_objects; k++) {
        const struct coco_object *object = &f->dataset->objects[entry->first + k];
        if (object->is_crowd) continue;
        size_t at = (size_t)slot * (size_t)batch->max_objects + (size_t)kept++;
        const float *box = batch->boxes + 4 * at, *in = object->box;
        float sx = (float)new_width / (float)image.width, sy = (float)new_height / (float)image.height;
        cr_expect_eq(box[0], (flip ? (float)image.width - in[2] : in[0]) * sx);
        cr_expect_eq(box[1], in[1] * sy);
        cr_expect_eq(box[2], (flip ? (float)image.width - in[0] : in[2]) * sx);
        cr_expect_eq(box[3], in[3] * sy);
        cr_expect_eq(batch->labels[at], object->category + 1);
    }
    cr_expect_eq(batch->counts[slot], kept);
    image_free(&image);
    mem_free(canvas);
}

Test(loader, pixels_and_boxes_flip_in_step)
{
    struct fixture f;
    set_up(&f, true);
    for (int flip = 0; flip < 2; flip++) {
        f.config.flip_probability = flip;
        struct loader *loader = start(&f);
        for (int round = 0; round < 8; round++) {
            struct batch *batch = next(loader);
            for (int i = 0; i < batch->n; i++) expect_image(&f, batch, i, flip);
        }
        loader_destroy(loader);
    }
    coco_dataset_destroy(f.dataset);
}

Test(loader, training_draws_sizes_and_flips)
{
    struct fixture f;
    set_up(&f, true);
    struct loader *loader = start(&f);
    int small = 0, total = 0;
    for (int round = 0; round < 40; round++) {
        const struct batch *batch = next(loader);
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
    struct fixture f;
    set_up(&f, false);
    for (int raw = 0; raw < 2; raw++) {
        f.config.raw_labels = raw;
        struct loader *loader = start(&f);
        const struct batch *batch = next(loader); // images 0, 1, 2 with 1, 2, 3 boxes
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
    struct fixture f;
    set_up(&f, true);
    for (int keep = 0; keep < 2; keep++) {
        f.config.keep_empty = keep;
        struct loader *loader = start(&f);
        cr_expect_eq(loader_n_images(loader), (size_t)(keep ? N : N - 2));
        int n_empty = 0;
        for (int round = 0; round < 12; round++) {
            const struct batch *batch = next(loader);
            for (int i = 0; i < batch->n; i++) n_empty += batch->counts[i] == 0;
        }
        cr_expect_eq(n_empty > 0, keep);
        loader_destroy(loader);
    }
    coco_dataset_destroy(f.dataset);
}

static void damage(const struct fixture *f, const char *name)
{
    char path[PATH_BYTES];
    cr_assert_eq(path_join(path, f->folder, name), OK);
    cr_assert_eq(file_write(path, "\x89PNG\r\n\x1a\nxx", 10), OK);
}

Test(loader, broken_images_are_named_or_left_out)
{
    struct fixture f;
    char path[PATH_BYTES];
    struct batch *batch;
    set_up(&f, false);
    damage(&f, "4.png");
    struct loader *loader = start(&f);
    next(loader);
    cr_expect_eq(loader_next(loader, &batch), ERR_DATA);
    expect_message("/4.png: broken PNG: unexpected end of file");
    loader_destroy(loader);
    // Three of one batch gone: that batch is skipped.
    damage(&f, "3.png");
    cr_assert_eq(path_join(path, f.folder, "5.png"), OK);
    remove(path);
    f.config.skip_broken = true;
    loader = start(&f);
    cr_expect_eq(next(loader)->image_ids[0], 100);
    cr_expect_eq(next(loader)->image_ids[0], 106);
    int n = 0;
    while ((batch = next(loader))) n += batch->n;
    cr_expect_eq(n, 2);
    cr_expect_eq(loader_n_broken(loader), 3u);
    loader_destroy(loader);
    // One of a batch gone: the others move up.
    coco_dataset_destroy(f.dataset);
    set_up(&f, false);
    damage(&f, "0.png");
    f.config.skip_broken = true;
    loader = start(&f);
    batch = next(loader);
    cr_expect_eq(batch->n, 2);
    for (int i = 0; i < 2; i++) expect_image(&f, batch, i, false);
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, sizes_that_differ_from_the_annotation_are_an_error)
{
    struct fixture f;
    struct batch *batch;
    set_up(&f, false);
    f.dataset->images[0].width++;
    struct loader *loader = start(&f);
    cr_expect_eq(loader_next(loader, &batch), ERR_DATA);
    expect_message("/0.png: the image is 20 x 40, its annotation (id 100) says 21 x 40");
    loader_destroy(loader);
    // Sizes that the file does not tell cannot differ; boxes are then clamped to the image.
    f.dataset->images[0].width = f.dataset->images[0].height = 0;
    f.dataset->objects[0].box[2] = 1000.0f;
    loader = start(&f);
    batch = next(loader);
    cr_expect_eq(batch->boxes[2], 20.0f * (batch->sizes[1] / 20.0f));
    loader_destroy(loader);
    coco_dataset_destroy(f.dataset);
}

Test(loader, can_be_destroyed_at_any_time)
{
    struct fixture f;
    set_up(&f, true);
    for (int i = 0; i < 30; i++) {
        f.config.n_threads = 1 + i % 4;
        struct loader *loader = start(&f);
        for (int k = 0; k < i % 3; k++) next(loader);
        loader_destroy(loader);
    }
    loader_destroy(NULL);
    coco_dataset_destroy(f.dataset);
}

Test(loader, refuses_senseless_settings)
{
    struct fixture f;
    struct loader *loader = NULL;
    set_up(&f, true);
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
    struct fixture f;
    set_up(&f, false);
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
        if (is_complete) cr_expect_eq(n, N);
        loader_destroy(loader);
        cr_assert_lt(nth, 2000u);
    }
    coco_dataset_destroy(f.dataset);
}

Test(loader, reads_real_photographs)
{
    struct coco_dataset *dataset;
    if (!file_exists(TARN_SHARED_DATA "/coco")) cr_skip_test("no ../shared/data");
    cr_assert_eq(coco_dataset_load(TARN_SHARED_DATA "/coco/annotations/val.json", &dataset), OK);
    struct loader_config config = {.dataset = dataset, .image_folder = TARN_SHARED_DATA "/coco/images",
                                   .batch_size = 8, .n_min_sizes = 1, .min_sizes = {200},
                                   .max_size = 333, .raw_labels = true, .n_threads = 2,
                                   .queue_length = 2};
    struct loader *loader;
    cr_assert_eq(loader_create(&config, &loader), OK);
    int n = 0, n_boxes = 0;
    const struct batch *batch;
    while ((batch = next(loader))) {
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

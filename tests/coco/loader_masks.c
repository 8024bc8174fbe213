// Masks of batches: torchvision's references (tools/golden_augment.py), bad annotations,
// augmentation, threads and resuming.
#include <math.h>

#include "base/json.h"
#include "base/mem.h"
#include "coco/mask_file.h"
#include "tests/coco/loader_set.h"

#define GOLDEN TARN_SOURCE_DIR "/tests/coco/golden/"

static void make_images(const struct coco_dataset *dataset, const char *folder)
{
    cr_assert_eq(folder_create(folder), OK);
    for (size_t i = 0; i < dataset->n_images; i++) {
        const struct coco_image *entry = &dataset->images[i];
        struct image image = {entry->width, entry->height, NULL};
        char path[PATH_BYTES];
        size_t n = 3 * (size_t)image.width * (size_t)image.height;
        image.rgb = (uint8_t *)mem_alloc(n, 1);
        for (size_t k = 0; k < n; k++) image.rgb[k] = (uint8_t)(k * 13 + i * 50 + k / 97);
        cr_assert_eq(path_join(path, folder, entry->file_name), OK);
        cr_assert_eq(image_save_png(path, &image), OK);
        image_free(&image);
    }
}

struct mask_set {
    char folder[PATH_BYTES];
    struct coco_dataset *dataset;
    struct loader_config config;
};

static void set_up(struct mask_set *set, const char *annotations)
{
    char name[64];
    snprintf(name, sizeof name, "masks_%s", criterion_current_test->name);
    scratch_path(set->folder, name);
    cr_assert_eq(coco_dataset_load(annotations, &set->dataset), OK, "%s", fail_message());
    make_images(set->dataset, set->folder);
    set->config = (struct loader_config){.dataset = set->dataset,
                                         .image_folder = set->folder,
                                         .batch_size = 2,
                                         .n_min_sizes = 1,
                                         .min_sizes = {53},
                                         .max_size = 90,
                                         .keep_empty = true,
                                         .masks = true,
                                         .seed = 5,
                                         .n_threads = 2,
                                         .queue_length = 2};
}

static struct loader *start(const struct mask_set *set)
{
    struct loader *loader = NULL;
    cr_assert_eq(loader_create(&set->config, &loader), OK, "%s", fail_message());
    return loader;
}

// An object's mask at the size of its image.
static void whole_mask(const struct batch *batch, int slot, int k, struct rle *rle)
{
    size_t at = (size_t)slot * (size_t)batch->max_objects + (size_t)k;
    int height = (int)batch->sizes[2 * slot], width = (int)batch->sizes[2 * slot + 1];
    const int32_t *f = batch->mask_frames + 4 * at;
    uint8_t *mask = (uint8_t *)mem_alloc((size_t)height * (size_t)width, 1);
    cr_assert_not_null(mask);
    cr_assert(f[0] >= 0 && f[1] >= 0 && f[0] + f[2] <= width && f[1] + f[3] <= height);
    cr_assert_leq((size_t)batch->mask_starts[at] + (size_t)(f[2] * f[3]), batch->mask_bytes);
    for (int y = 0; y < f[3]; y++)
        memcpy(mask + (size_t)(f[1] + y) * (size_t)width + (size_t)f[0],
               batch->masks + batch->mask_starts[at] + (size_t)(y * f[2]), (size_t)f[2]);
    cr_assert_eq(rle_encode(mask, height, width, rle), OK);
    mem_free(mask);
}

static void expect_golden(const struct batch *batch, int slot, const cJSON *expected)
{
    struct rle rle = {0};
    const cJSON *size = json_find(expected, "size"), *masks = json_find(expected, "masks");
    const cJSON *boxes = json_find(expected, "boxes");
    cr_assert_eq(batch->sizes[2 * slot], (float)cJSON_GetArrayItem(size, 0)->valuedouble);
    cr_assert_eq(batch->sizes[2 * slot + 1], (float)cJSON_GetArrayItem(size, 1)->valuedouble);
    cr_assert_eq(batch->counts[slot], cJSON_GetArraySize(masks));
    for (int k = 0; k < batch->counts[slot]; k++) {
        char *text = NULL;
        whole_mask(batch, slot, k, &rle);
        cr_assert_eq(rle_to_text(&rle, &text, NULL), OK);
        cr_expect_str_eq(text, cJSON_GetArrayItem(masks, k)->valuestring, "image %d, mask %d",
                         (int)batch->image_ids[slot], k);
        mem_free(text);
        size_t at = (size_t)slot * (size_t)batch->max_objects + (size_t)k;
        for (int i = 0; i < 4; i++) // x + width is summed in double here, in float there
            cr_expect_float_eq((double)batch->boxes[4 * at + (size_t)i],
                               cJSON_GetArrayItem(cJSON_GetArrayItem(boxes, k), i)->valuedouble,
                               1e-4);
    }
    rle_free(&rle);
}

Test(loader_masks, are_those_of_torchvisions_references)
{
    struct mask_set set;
    cJSON *golden = NULL;
    cr_assert_eq(json_load(GOLDEN "masks_expected.json", 0, false, &golden), OK);
    set_up(&set, GOLDEN "masks.json");
    set.config.is_training = true;
    int n_seen = 0;
    for (int flip = 0; flip < 2; flip++) {
        set.config.flip_probability = flip;
        struct loader *loader = start(&set);
        for (int i = 0; i < 4; i++) {
            const struct batch *batch = loader_set_next(loader);
            for (int slot = 0; slot < batch->n; slot++) {
                const cJSON *expected;
                cJSON_ArrayForEach (expected, json_find(golden, "images")) {
                    if ((int64_t)json_find(expected, "image_id")->valuedouble !=
                            batch->image_ids[slot] ||
                        cJSON_IsTrue(json_find(expected, "flip")) != flip)
                        continue;
                    expect_golden(batch, slot, expected);
                    n_seen++;
                }
            }
        }
        loader_destroy(loader);
    }
    cr_expect_eq(n_seen, 16);
    coco_dataset_destroy(set.dataset);
    cJSON_Delete(golden);
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
    h = hash(h, b->boxes, 4 * g * sizeof *b->boxes);
    h = hash(h, b->labels, g * sizeof *b->labels);
    h = hash(h, b->counts, n * sizeof *b->counts);
    h = hash(h, b->mask_frames, 4 * g * sizeof *b->mask_frames);
    h = hash(h, b->mask_starts, g * sizeof *b->mask_starts);
    return hash(h, b->masks, b->mask_bytes);
}

static void augment_all(struct mask_set *set)
{
    set->config.is_training = true;
    set->config.flip_probability = 0.5;
    set->config.batch_size = 3;
    set->config.augment = (struct augment){.color = {0.4, 0.4, 0.4, 0.1},
                                           .lsj_size = 50,
                                           .lsj_min = 0.1,
                                           .lsj_max = 2,
                                           .copy_paste = 0.7};
}

Test(loader_masks, augmented_batches_depend_on_seed_and_index_alone)
{
    enum { ROUNDS = 12 };
    static const int threads[] = {1, 2, 4}, queues[] = {1, 4, 2};
    struct mask_set set;
    uint64_t hashes[ROUNDS];
    set_up(&set, GOLDEN "masks.json");
    augment_all(&set);
    for (int k = 0; k < 3; k++) {
        set.config.n_threads = threads[k];
        set.config.queue_length = queues[k];
        struct loader *loader = start(&set);
        for (int i = 0; i < ROUNDS; i++) {
            uint64_t h = hash_batch(loader_set_next(loader));
            if (k == 0) hashes[i] = h;
            cr_expect_eq(h, hashes[i], "%d threads, batch %d", threads[k], i);
        }
        loader_destroy(loader);
    }
    set.config.first_iteration = 5;
    struct loader *loader = start(&set);
    for (int i = 5; i < ROUNDS; i++)
        cr_expect_eq(hash_batch(loader_set_next(loader)), hashes[i], "resumed, batch %d", i);
    loader_destroy(loader);
    coco_dataset_destroy(set.dataset);
}

// Objects whose boxes are those of their masks: they stay so whatever is done to both.
Test(loader_masks, jitter_keeps_boxes_and_masks_in_step)
{
    char text[4096], path[PATH_BYTES];
    int n = snprintf(text, sizeof text, "{\"categories\":[{\"id\":1,\"name\":\"a\"}],\"images\":[");
    for (int i = 0; i < 4; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "%s{\"id\":%d,\"file_name\":\"%d.png\",\"width\":60,\"height\":48}",
                      i ? "," : "", i, i);
    n += snprintf(text + n, sizeof text - (size_t)n, "],\"annotations\":[");
    for (int i = 0; i < 12; i++) {
        int x = 3 + 7 * (i % 5), y = 2 + 5 * (i % 3), w = 8 + i, h = 30 - i;
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "%s{\"id\":%d,\"image_id\":%d,\"category_id\":1,\"bbox\":[%d,%d,%d,%d],"
                      "\"segmentation\":[[%d,%d,%d,%d,%d,%d,%d,%d]]}",
                      i ? "," : "", i, i % 4, x, y, w, h, x, y, x + w, y, x + w, y + h, x, y + h);
    }
    snprintf(text + n, sizeof text - (size_t)n, "]}");
    struct mask_set set;
    set_up(&set, scratch_text(path, "rectangles.json", text));
    augment_all(&set);
    struct loader *loader = start(&set);
    int n_objects = 0, n_empty = 0, n_many = 0;
    for (int round = 0; round < 40; round++) {
        const struct batch *b = loader_set_next(loader);
        cr_assert_eq(b->height, 64);
        cr_assert_eq(b->width, 64);
        for (int slot = 0; slot < b->n; slot++) {
            cr_assert_eq(b->sizes[2 * slot], 50);
            cr_assert_eq(b->sizes[2 * slot + 1], 50);
            n_empty += b->counts[slot] == 0;
            n_many += b->counts[slot] > 3;
            for (int k = 0; k < b->counts[slot]; k++, n_objects++) {
                size_t at = (size_t)slot * (size_t)b->max_objects + (size_t)k;
                const float *box = b->boxes + 4 * at;
                struct rle rle = {0};
                double bounds[4];
                whole_mask(b, slot, k, &rle);
                rle_box(&rle, bounds);
                cr_assert(box[0] >= 0 && box[1] >= 0 && box[2] <= 50 && box[3] <= 50);
                cr_assert(box[2] > box[0] && box[3] > box[1]);
                // Nearest neighbours of a small scale miss up to one source pixel's width; what is
                // smaller than a pixel may have none.
                if (rle_area(&rle) > 0)
                    for (int i = 0; i < 4; i++) {
                        double edge = i < 2 ? bounds[i] : bounds[i - 2] + bounds[i];
                        cr_expect(fabs(edge - (double)box[i]) <= 2, "edge %d: %g %g", i, edge,
                                  (double)box[i]);
                    }
                rle_free(&rle);
            }
        }
    }
    cr_expect(n_objects > 250, "%d", n_objects);
    cr_expect(n_many > 30, "%d", n_many); // three objects each: more were pasted
    cr_expect_lt(n_empty, 10);
    loader_destroy(loader);
    coco_dataset_destroy(set.dataset);
}

// One image of 8 x 6 with one object.
static void expect_refused(const char *segmentation, const char *message)
{
    char text[2048], path[PATH_BYTES];
    snprintf(text, sizeof text,
             "{\"categories\":[{\"id\":1,\"name\":\"a\"}],\"images\":[{\"id\":1,\"file_name\":"
             "\"x.png\",\"width\":8,\"height\":6}],\"annotations\":[{\"id\":4321,\"image_id\":1,"
             "\"category_id\":1,\"bbox\":[1,1,4,4]%s%s}]}",
             segmentation[0] ? ",\"segmentation\":" : "", segmentation);
    struct mask_set set;
    set_up(&set, scratch_text(path, "refused.json", text));
    struct loader *loader = start(&set);
    struct batch *batch = NULL;
    enum status status = loader_next(loader, &batch);
    cr_expect(status == ERR_DATA || status == ERR_PARSE, "%s: %d", segmentation, (int)status);
    expect_message("refused.json");
    expect_message("annotation 4321");
    expect_message(message);
    loader_destroy(loader);
    coco_dataset_destroy(set.dataset);
}

Test(loader_masks, bad_ones_are_named)
{
    expect_refused("", "has no segmentation");
    expect_refused("null", "has no segmentation");
    expect_refused("7", "neither an object nor an array");
    expect_refused("\"x\"", "neither an object nor an array");
    expect_refused("[[1,1,\"a\",2,3,4]]", "not a number");
    expect_refused("[[1,1,1e300,2,3,4]]", "polygon is at 1e+300");
    expect_refused("[3,4]", "ring 0 is not an array");
    expect_refused("{\"size\":[6,8]}", "has no counts");
    expect_refused("{\"counts\":[48]}", "has no size");
    expect_refused("{\"size\":[8,6],\"counts\":[48]}", "image of 6 x 8 pixels");
    expect_refused("{\"size\":[100000,100000],\"counts\":[48]}", "size is negative or too large");
    expect_refused("{\"size\":[-1,8],\"counts\":[48]}", "size is negative");
    expect_refused("{\"size\":[6,8],\"counts\":[40]}", "runs have 40 pixels");
    expect_refused("{\"size\":[6,8],\"counts\":[10,-3,41]}", "is not a length");
    expect_refused("{\"size\":[6,8],\"counts\":[1.5]}", "is not a length");
    expect_refused("{\"size\":[6,8],\"counts\":\"zzz\"}", "run-length text");
}

Test(loader_masks, degenerate_ones_are_empty)
{
    static const char *const texts[] = {"[]", "[[]]", "[[1,1]]", "[[1,1,2,2]]",
                                        "{\"size\":[6,8],\"counts\":[48]}"};
    for (int i = 0; i < 5; i++) {
        char text[1024], path[PATH_BYTES];
        snprintf(text, sizeof text,
                 "{\"categories\":[{\"id\":1,\"name\":\"a\"}],\"images\":[{\"id\":1,\"file_name\":"
                 "\"x.png\",\"width\":8,\"height\":6}],\"annotations\":[{\"id\":1,\"image_id\":1,"
                 "\"category_id\":1,\"bbox\":[1,1,4,4],\"segmentation\":%s}]}",
                 texts[i]);
        struct mask_set set;
        set_up(&set, scratch_text(path, "degenerate.json", text));
        struct loader *loader = start(&set);
        const struct batch *batch = loader_set_next(loader);
        cr_expect_eq(batch->counts[0], 1);
        for (int k = 0; k < 4; k++) cr_expect_eq(batch->mask_frames[k], 0);
        cr_expect_eq(batch->mask_bytes, 0);
        loader_destroy(loader);
        coco_dataset_destroy(set.dataset);
    }
}

Test(loader_masks, a_file_that_changed_is_an_error)
{
    char path[PATH_BYTES];
    static const char head[] =
        "{\"categories\":[{\"id\":1,\"name\":\"a\"}],\"images\":[{\"id\":1,\"file_name\":\"x.png\","
        "\"width\":8,\"height\":6}],\"annotations\":[{\"id\":55,\"image_id\":1,\"category_id\":1,"
        "\"bbox\":[1,1,4,4],\"segmentation\":[[1,1,5,1,5,5,1,5]]}]}";
    struct mask_set set;
    set_up(&set, scratch_text(path, "changed.json", head));
    for (int kind = 0; kind < 2; kind++) {
        struct batch *batch;
        if (kind == 0)
            scratch_write(path, "changed.json", head, sizeof head - 20);
        else {
            char spoiled[sizeof head];
            memset(spoiled, '[', sizeof spoiled);
            scratch_write(path, "changed.json", spoiled, sizeof spoiled);
        }
        struct loader *loader = start(&set);
        cr_expect_neq(loader_next(loader, &batch), OK);
        expect_message("annotation 55");
        expect_message("has ");
        loader_destroy(loader);
    }
    coco_dataset_destroy(set.dataset);
}

Test(loader_masks, any_failing_allocation_is_an_error)
{
    struct mask_set set;
    set_up(&set, GOLDEN "masks.json");
    augment_all(&set);
    set.config.n_threads = 1;
    set.config.queue_length = 1;
    bool is_through = false;
    for (size_t nth = 1; !is_through; nth++) {
        struct loader *loader = NULL;
        struct batch *batch;
        mem_fail_at(nth, false);
        enum status status = loader_create(&set.config, &loader);
        for (int i = 0; i < 2 && status == OK; i++) status = loader_next(loader, &batch);
        if (loader) loader_destroy(loader); // the threads have come to rest: no allocation is left
        mem_fail_at(0, false);
        is_through = status == OK;
        cr_assert(status == OK || status == ERR_MEMORY, "allocation %zu: %s", nth, fail_message());
        cr_assert_lt(nth, 4000);
    }
    coco_dataset_destroy(set.dataset);
}

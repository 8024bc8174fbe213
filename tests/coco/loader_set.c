#include "tests/coco/loader_set.h"

#include "base/mem.h"

void loader_set_size(int i, int *width, int *height)
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
    fputs("{\"categories\": [{\"id\": 3, \"name\": \"a\"}, {\"id\": 70, \"name\": "
          "\"b\"}],\"images\": [",
          file);
    for (int i = 0; i < LOADER_SET_N; i++) {
        struct image image;
        loader_set_size(i, &image.width, &image.height);
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
    for (int i = 0, id = 0; i < LOADER_SET_N; i++)
        for (int k = 0; k <= i % 3 && i != 4; k++, id++)
            fprintf(file,
                    "%s{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"iscrowd\": %d, "
                    "\"bbox\": [%d, %d, 6.5, 8]}",
                    id ? "," : "", id, 100 + i, k ? 70 : 3, i == 5, 2 + k, 3 + i);
    fputs("]}", file);
    fclose(file);
    return folder;
}

void loader_set_up(struct loader_set *f, bool is_training)
{
    char path[PATH_BYTES];
    make_set(f->folder);
    cr_assert_eq(path_join(path, f->folder, "all.json"), OK);
    cr_assert_eq(coco_dataset_load(path, &f->dataset), OK, "%s", fail_message());
    f->config = (struct loader_config){.dataset = f->dataset,
                                       .image_folder = f->folder,
                                       .batch_size = LOADER_SET_BATCH,
                                       .is_training = is_training,
                                       .n_min_sizes = 2,
                                       .min_sizes = {30, 45},
                                       .max_size = 70,
                                       .flip_probability = 0.5,
                                       .keep_empty = true,
                                       .seed = 5,
                                       .n_threads = 2,
                                       .queue_length = 2};
}

struct loader *loader_set_start(const struct loader_set *f)
{
    struct loader *loader = NULL;
    cr_assert_eq(loader_create(&f->config, &loader), OK, "%s", fail_message());
    return loader;
}

struct batch *loader_set_next(struct loader *loader)
{
    struct batch *batch;
    cr_assert_eq(loader_next(loader, &batch), OK, "%s", fail_message());
    return batch;
}

void loader_set_expect_image(const struct loader_set *f, const struct batch *batch, int slot,
                             bool flip)
{
    const struct coco_image *entry = &f->dataset->images[batch->image_index[slot]];
    char path[PATH_BYTES];
    struct image image;
    int new_height = (int)batch->sizes[2 * slot], new_width = (int)batch->sizes[2 * slot + 1];
    size_t n = 3 * (size_t)batch->width * (size_t)batch->height;
    float *canvas = (float *)mem_alloc(n, sizeof *canvas);
    cr_assert_eq(path_join(path, f->folder, entry->file_name), OK);
    cr_assert_eq(image_load(path, EXIF_IGNORE, &image, NULL), OK);
    cr_assert_eq(
        image_to_canvas(&image, flip, new_width, new_height, canvas, batch->width, batch->height),
        OK);
    cr_expect_eq(memcmp(canvas, batch->images + (size_t)slot * n, n * sizeof *canvas), 0);
    int32_t kept = 0;
    for (size_t k = 0; k < entry->n_objects; k++) {
        const struct coco_object *object = &f->dataset->objects[entry->first + k];
        if (object->is_crowd) continue;
        size_t at = (size_t)slot * (size_t)batch->max_objects + (size_t)kept++;
        const float *box = batch->boxes + 4 * at, *in = object->box;
        float sx = (float)new_width / (float)image.width,
              sy = (float)new_height / (float)image.height;
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

// What a device takes over from the host, images on their way to the network and masks on their
// way back: the host's bits, on the CPU backend as on the emulated one; in tests/gpu on a real one.
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "cuda/backend.h"
#include "detect/batch_upload.h"
#include "detect/collect.h"
#include "detect/paste_device.h"
#include "tests/train/helper.h"
#include "train/loader_config.h"
#include "train/session.h"

enum { N_BACKENDS = 2 };

static void open_tape(int i, struct tape **tape)
{
    struct backend *backend = NULL;
    if (i > 0 && backend_cuda_count() == 0) cr_skip_test("this machine has no GPU");
    assert_ok(i == 0 ? backend_create_cpu(2, &backend) : backend_create_cuda(0, &backend));
    assert_ok(tape_create(backend, tape));
}

static void close_tape(struct tape *tape)
{
    struct backend *backend = tape->backend;
    tape_destroy(tape);
    backend_destroy(backend);
}

// ---- images ------------------------------------------------------------------------------------

static void expect_same_images(struct tape *tape, const struct batch *resized,
                               const struct batch *decoded)
{
    struct tensor *images = NULL;
    size_t n = (size_t)resized->n * (size_t)resized->height * (size_t)resized->width * 3;
    float *got = (float *)mem_alloc(n, sizeof *got);
    cr_assert(resized->images && !resized->pixels);
    cr_assert(decoded->pixels && !decoded->images);
    tape_reset(tape);
    assert_ok(batch_upload_images(tape, decoded, &images));
    cr_assert_eq(tensor_count(images), n);
    assert_ok(tape->backend->download(tape->backend, got, images->data, n * sizeof *got));
    cr_expect_arr_eq(got, resized->images, n * sizeof *got);
    cr_expect_eq(resized->max_objects, decoded->max_objects);
    mem_free(got);
}

// Mirrored ones among them, of two sizes, and with large-scale jitter.
static void expect_same_batches(const char *jitter)
{
    enum { N_BATCHES = 4 };
    struct config config;
    char folder[PATH_BYTES];
    struct coco_dataset *dataset = NULL;
    struct loader_config how;
    helper_folder(folder);
    helper_tiny_run(folder, 6, 0, &config);
    helper_set(&config, "train.batch_size=3");
    helper_set(&config, jitter);
    assert_ok(coco_dataset_load(config.data.train_annotations, &dataset));
    loader_config_training(&config, dataset, 0, &how);
    for (int k = 0; k < N_BACKENDS; k++) {
        struct loader *resizing = NULL, *decoding = NULL;
        struct tape *tape = NULL;
        open_tape(k, &tape);
        how.keeps_pixels = false;
        assert_ok(loader_create(&how, &resizing));
        how.keeps_pixels = true;
        assert_ok(loader_create(&how, &decoding));
        for (int i = 0; i < N_BATCHES; i++) {
            struct batch *a = NULL, *b = NULL;
            assert_ok(loader_next(resizing, &a));
            assert_ok(loader_next(decoding, &b));
            expect_same_images(tape, a, b);
        }
        loader_destroy(resizing);
        loader_destroy(decoding);
        close_tape(tape);
    }
    coco_dataset_destroy(dataset);
    helper_remove(folder);
}

Test(emulator_images, resized_by_the_device)
{
    expect_same_batches("data.lsj_size=0");
}

Test(emulator_images, with_jitter)
{
    expect_same_batches("data.lsj_size=96");
}

// ---- masks -------------------------------------------------------------------------------------

enum { N_IMAGES = 2, CAPACITY = 6, SIDE = 28 };

static const int sizes[2 * N_IMAGES] = {95, 61, 40, 128}, counts[N_IMAGES] = {5, 6};

static void make_detections(struct rng *rng, struct detections *found)
{
    assert_ok(detections_create(N_IMAGES, CAPACITY, SIDE, found));
    for (int i = 0; i < N_IMAGES * CAPACITY; i++) {
        float *box = found->boxes + 4 * i, *map = found->masks + i * SIDE * SIDE;
        float x = rng_uniform(rng, -20.0f, 100.0f), y = rng_uniform(rng, -20.0f, 90.0f);
        box[0] = x;
        box[1] = y;
        box[2] = x + rng_uniform(rng, 0.0f, 60.0f);
        box[3] = y + rng_uniform(rng, 0.0f, 60.0f);
        // Of a few levels, so that many pixels lie on the threshold or near it.
        for (int k = 0; k < SIDE * SIDE; k++)
            map[k] = 0.125f * (float)(int)rng_uniform(rng, 0.0f, 8.99f);
    }
    found->boxes[2] = found->boxes[0]; // without area
    for (int i = 0; i < N_IMAGES; i++) found->counts[i] = counts[i];
}

// As the network leaves them: image by image without gaps.
static void upload_masks(struct tape *tape, const struct detections *found, struct tensor **masks)
{
    enum { PIXELS = SIDE * SIDE };
    int64_t shape[3] = {N_IMAGES * CAPACITY, SIDE, SIDE};
    float *maps = (float *)mem_alloc(N_IMAGES * CAPACITY * PIXELS, sizeof *maps);
    size_t n = 0;
    for (size_t i = 0; i < N_IMAGES; i++)
        for (size_t k = 0; k < (size_t)counts[i]; k++, n++)
            memcpy(maps + n * PIXELS, found->masks + (i * CAPACITY + k) * PIXELS,
                   PIXELS * sizeof *maps);
    assert_ok(tape_upload(tape, DTYPE_F32, 3, shape, maps, masks));
    assert_ok(tape->backend->synchronize(tape->backend));
    mem_free(maps);
}

static void expect_same_masks(struct tape *tape, const struct paste_options *options,
                              struct rng *rng)
{
    struct detections found;
    struct tensor *masks = NULL;
    struct rle wanted = {0}, got = {0};
    int original_sizes[2 * N_IMAGES];
    const struct batch batch = {.n = N_IMAGES, .original_sizes = original_sizes};
    memcpy(original_sizes, sizes, sizeof sizes);
    make_detections(rng, &found);
    tape_reset(tape);
    upload_masks(tape, &found, &masks);
    assert_ok(paste_on_device(options, tape, &batch, masks, &found));
    cr_assert(found.bits);
    for (int i = 0; i < N_IMAGES; i++)
        for (int k = 0; k < counts[i]; k++) {
            int slot = i * CAPACITY + k, height = sizes[2 * i], width = sizes[2 * i + 1];
            assert_ok(paste_mask(found.masks + slot * SIDE * SIDE, SIDE, found.boxes + 4 * slot,
                                 options, height, width, &wanted));
            assert_ok(rle_from_bits(found.bits + found.first_words[slot], height, width, &got));
            assert_ok(rle_finish(&got));
            cr_assert_eq(got.n, wanted.n, "mask %d of image %d: %zu runs, not %zu", k, i, got.n,
                         wanted.n);
            cr_expect_arr_eq(got.counts, wanted.counts, wanted.n * sizeof *wanted.counts);
        }
    rle_free(&wanted);
    rle_free(&got);
    detections_free(&found);
}

Test(emulator_masks, pasted_by_the_device)
{
    static const struct paste_options options[] = {
        {PASTE_INTEGER, 0.5f}, {PASTE_GRID, 0.5f}, {PASTE_INTEGER, 0.375f}, {PASTE_GRID, 0.4f}};
    for (int k = 0; k < N_BACKENDS; k++) {
        struct tape *tape = NULL;
        struct rng rng;
        rng_start(&rng, 5, RNG_TEST, 0);
        open_tape(k, &tape);
        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
            for (int draw = 0; draw < 3; draw++) expect_same_masks(tape, &options[i], &rng);
        close_tape(tape);
    }
}

// Nothing found, and a box that is no number.
Test(emulator_masks, without_masks)
{
    static const struct paste_options options = {PASTE_INTEGER, 0.5f};
    struct tape *tape = NULL;
    struct detections found;
    struct tensor *masks = NULL;
    struct rng rng;
    int original_sizes[2 * N_IMAGES];
    const struct batch batch = {.n = N_IMAGES, .original_sizes = original_sizes};
    memcpy(original_sizes, sizes, sizeof sizes);
    rng_start(&rng, 6, RNG_TEST, 0);
    open_tape(1, &tape);
    make_detections(&rng, &found);
    upload_masks(tape, &found, &masks);
    found.boxes[4 * CAPACITY] = INFINITY;
    assert_fails(paste_on_device(&options, tape, &batch, masks, &found), ERR_NUMERIC, "inf");
    cr_expect(!found.bits);
    detections_free(&found);
    make_detections(&rng, &found);
    found.counts[0] = found.counts[1] = 0;
    assert_ok(paste_on_device(&options, tape, &batch, masks, &found));
    cr_expect(!found.bits);
    detections_free(&found);
    close_tape(tape);
}

#include "coco/loader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/queue.h"
#include "coco/collate.h"
#include "coco/sampler.h"

// A batch goes through two stages, one task per image in each. Whoever ends the last task of a
// stage begins the next:
//     PREPARING (decode; sizes become known) -> plan the canvas -> RENDERING (resize) -> READY
// Batches lie in a ring of slots and are handed out in order. All tasks of all slots fit into
// the queue at once, so that no thread ever waits in a push.
enum stage { IDLE, PREPARING, RENDERING, READY };

struct task {
    struct slot *slot;
    int item;
};

struct slot {
    struct collate_storage storage; // first: a batch pointer is a slot pointer
    int64_t number;                 // of the batch
    enum stage stage;
    struct collate_item *items; // (batch_size)
    struct task *tasks;         // (batch_size)
    int n_items, n_pending;
    double seconds;
    enum status status;
    char message[COLLATE_MESSAGE_BYTES];
};

struct loader {
    struct loader_config config;
    struct sampler *sampler;
    struct mask_file masks; // open with config.masks
    struct queue *tasks;
    size_t *indices; // (batch_size) scratch
    struct slot *slots;
    int n_slots;
    int64_t next, next_to_start; // batch numbers; batch i lies in slot i % n_slots
    struct slot *held;
    pthread_t *threads;
    int n_threads; // started
    atomic_bool is_stopping;
    atomic_size_t n_broken;
    pthread_mutex_t mutex; // stage, n_pending, seconds, status, message of all slots
    pthread_cond_t is_ready;
};

static void note_error(struct slot *slot, enum status status, const char *message)
{
    if (slot->status != OK) return;
    slot->status = status;
    snprintf(slot->message, sizeof slot->message, "%s", message);
}

static void push_tasks(struct loader *loader, struct slot *slot)
{
    int n = slot->n_items; // after the last push the slot belongs to the threads
    for (int i = 0; i < n; i++)
        if (!queue_push(loader->tasks, &slot->tasks[i])) return; // being destroyed
}

// Leaves broken images out, or makes the first of them the batch's error.
static void settle_broken(struct loader *loader, struct slot *slot)
{
    int kept = 0;
    for (int i = 0; i < slot->n_items; i++) {
        struct collate_item *item = &slot->items[i];
        if (item->status == OK) {
            if (kept != i) {
                slot->items[kept] = *item;
                *item = (struct collate_item){0}; // what it owns has moved
            }
            kept++;
        } else if (loader->config.skip_broken && item->status != ERR_MEMORY) {
            log_warn("%s; left out", item->message);
            atomic_fetch_add(&loader->n_broken, 1);
        } else {
            note_error(slot, item->status, item->message);
        }
    }
    slot->n_items = kept;
}

// After the last task of a stage; no other thread touches the slot now.
static void advance(struct loader *loader, struct slot *slot)
{
    enum stage next = READY;
    if (slot->stage == PREPARING) {
        settle_broken(loader, slot);
        if (slot->status == OK) {
            enum status status = collate_plan(&loader->config, slot->number, slot->items,
                                              slot->n_items, &slot->storage);
            if (status != OK) note_error(slot, status, fail_message());
        }
        if (slot->status == OK && slot->n_items > 0) next = RENDERING;
    }
    for (int i = 0; next == READY && i < slot->n_items; i++) collate_item_free(&slot->items[i]);
    pthread_mutex_lock(&loader->mutex);
    slot->stage = next;
    slot->n_pending = slot->n_items;
    slot->storage.batch.load_seconds = slot->seconds;
    if (next == READY) pthread_cond_signal(&loader->is_ready);
    pthread_mutex_unlock(&loader->mutex);
    if (next == RENDERING) push_tasks(loader, slot);
}

static void run_task(struct loader *loader, const struct task *task)
{
    struct slot *slot = task->slot;
    struct collate_item *item = &slot->items[task->item];
    enum status status = OK;
    double begin = clock_seconds();
    if (slot->stage == PREPARING)
        collate_prepare(&loader->config, loader->config.masks ? &loader->masks : NULL,
                        slot->number, task->item, item);
    else
        status = collate_render(slot->items, task->item, &slot->storage.batch);
    double seconds = clock_seconds() - begin;
    pthread_mutex_lock(&loader->mutex);
    if (status != OK) note_error(slot, status, fail_message());
    slot->seconds += seconds;
    bool is_last = --slot->n_pending == 0;
    pthread_mutex_unlock(&loader->mutex);
    if (is_last) advance(loader, slot);
}

static void *work(void *argument)
{
    struct loader *loader = (struct loader *)argument;
    void *task;
    while (queue_pop(loader->tasks, &task))
        if (!atomic_load(&loader->is_stopping)) run_task(loader, (const struct task *)task);
    return NULL;
}

static void start_batch(struct loader *loader, struct slot *slot)
{
    int n;
    sampler_next(loader->sampler, loader->indices, &n);
    slot->stage = n > 0 ? PREPARING : IDLE;
    if (n == 0) return;
    slot->number = loader->next_to_start++;
    slot->n_items = slot->n_pending = n;
    slot->seconds = 0.0;
    slot->status = OK;
    for (int i = 0; i < n; i++) slot->items[i] = (struct collate_item){.index = loader->indices[i]};
    push_tasks(loader, slot);
}

static enum status create_slots(struct loader *loader)
{
    size_t batch_size = (size_t)loader->config.batch_size;
    for (int s = 0; s < loader->n_slots; s++) {
        struct slot *slot = &loader->slots[s];
        slot->items = (struct collate_item *)mem_alloc(batch_size, sizeof *slot->items);
        slot->tasks = (struct task *)mem_alloc(batch_size, sizeof *slot->tasks);
        if (!slot->items || !slot->tasks) return ERR_MEMORY;
        for (int i = 0; i < loader->config.batch_size; i++) slot->tasks[i] = (struct task){slot, i};
        TRY(collate_storage_init(&slot->storage, loader->config.batch_size,
                                 loader->config.memory));
    }
    return OK;
}

// Hours of training should not end at the first missing file.
static enum status check_files(const struct loader_config *config)
{
    const struct coco_dataset *dataset = config->dataset;
    char path[PATH_BYTES], first[PATH_BYTES] = "";
    size_t n_missing = 0;
    for (size_t i = 0; i < dataset->n_images; i++) {
        const struct coco_image *image = &dataset->images[i];
        if (image->n_objects == 0 && !config->keep_empty) continue;
        TRY(path_join(path, config->image_folder, image->file_name));
        if (file_exists(path)) continue;
        if (n_missing++ == 0) memcpy(first, path, sizeof first);
    }
    if (n_missing == 0) return OK;
    return fail(ERR_IO, "%s: does not exist; %zu of %zu image files of %s are missing", first,
                n_missing, dataset->n_images, dataset->path);
}

static enum status start(struct loader *loader)
{
    const struct loader_config *config = &loader->config;
    struct sampler_config order = {
        .dataset = config->dataset,
        .batch_size = config->batch_size,
        .shuffle = config->is_training,
        .group_by_aspect = config->group_by_aspect,
        .keep_empty = config->keep_empty || !config->is_training,
        .seed = config->seed,
    };
    TRY(sampler_create(&order, &loader->sampler));
    if (config->is_training) TRY(check_files(config));
    if (config->masks) TRY(mask_file_open(config->dataset->path, &loader->masks));
    size_t batch_size = (size_t)config->batch_size;
    TRY(queue_create((size_t)loader->n_slots * batch_size, &loader->tasks));
    loader->indices = (size_t *)mem_alloc(batch_size, sizeof *loader->indices);
    loader->slots = (struct slot *)mem_alloc((size_t)loader->n_slots, sizeof *loader->slots);
    loader->threads = (pthread_t *)mem_alloc((size_t)config->n_threads, sizeof *loader->threads);
    if (!loader->indices || !loader->slots || !loader->threads) return ERR_MEMORY;
    TRY(create_slots(loader));
    for (int64_t i = 0; config->is_training && i < config->first_iteration; i++) {
        int n;
        sampler_next(loader->sampler, loader->indices, &n);
    }
    loader->next = loader->next_to_start = config->is_training ? config->first_iteration : 0;
    for (int i = 0; i < loader->n_slots; i++)
        start_batch(loader, &loader->slots[(loader->next + i) % loader->n_slots]);
    for (; loader->n_threads < config->n_threads; loader->n_threads++) {
        int error = pthread_create(&loader->threads[loader->n_threads], NULL, work, loader);
        if (error) return fail(ERR_MEMORY, "cannot start a thread: %s", strerror(error));
    }
    return OK;
}

enum status loader_create(const struct loader_config *config, struct loader **out)
{
    if (config->batch_size < 1 || config->n_threads < 1 || config->queue_length < 1 ||
        config->n_min_sizes < 1 || config->n_min_sizes > 32 || config->max_size < 1)
        return fail(ERR_USAGE, "loader: sizes and counts must be at least 1");
    for (int i = 0; i < config->n_min_sizes; i++)
        if (config->min_sizes[i] < 1) return fail(ERR_USAGE, "loader: image size below 1");
    const struct coco_dataset *dataset = config->dataset;
    for (size_t i = 0; config->raw_labels && i < dataset->n_categories; i++)
        if (dataset->categories[i].id < 0 || dataset->categories[i].id > INT32_MAX)
            return fail(ERR_DATA, "%s: category id %lld cannot be a label", dataset->path,
                        (long long)dataset->categories[i].id);
    struct loader *loader = (struct loader *)mem_alloc(1, sizeof *loader);
    if (!loader) return ERR_MEMORY;
    loader->config = *config;
    loader->n_slots = config->queue_length + 1; // one is held by the caller
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->is_ready, NULL);
    enum status status = start(loader);
    if (status != OK) {
        loader_destroy(loader);
        return status;
    }
    *out = loader;
    return OK;
}

void loader_destroy(struct loader *loader)
{
    if (!loader) return;
    atomic_store(&loader->is_stopping, true);
    if (loader->tasks) queue_close(loader->tasks);
    for (int i = 0; i < loader->n_threads; i++) pthread_join(loader->threads[i], NULL);
    for (int s = 0; loader->slots && s < loader->n_slots; s++) {
        struct slot *slot = &loader->slots[s];
        for (int i = 0; slot->items && i < loader->config.batch_size; i++)
            collate_item_free(&slot->items[i]);
        mem_free(slot->items);
        mem_free(slot->tasks);
        collate_storage_free(&slot->storage);
    }
    pthread_cond_destroy(&loader->is_ready);
    pthread_mutex_destroy(&loader->mutex);
    queue_destroy(loader->tasks);
    sampler_destroy(loader->sampler);
    mask_file_close(&loader->masks);
    mem_free(loader->indices);
    mem_free(loader->slots);
    mem_free(loader->threads);
    mem_free(loader);
}

enum status loader_next(struct loader *loader, struct batch **batch)
{
    for (;;) {
        if (loader->held) loader_release(loader, &loader->held->storage.batch);
        if (loader->next == loader->next_to_start) { // the sampler has no more
            *batch = NULL;
            return OK;
        }
        struct slot *slot = &loader->slots[loader->next % loader->n_slots];
        pthread_mutex_lock(&loader->mutex);
        while (slot->stage != READY) pthread_cond_wait(&loader->is_ready, &loader->mutex);
        pthread_mutex_unlock(&loader->mutex);
        if (slot->status != OK) return fail(slot->status, "%s", slot->message);
        loader->next++;
        loader->held = slot;
        if (slot->n_items == 0) continue; // all of its images were broken
        *batch = &slot->storage.batch;
        return OK;
    }
}

void loader_release(struct loader *loader, struct batch *batch)
{
    if (!batch || !loader->held || batch != &loader->held->storage.batch) return;
    struct slot *slot = loader->held;
    loader->held = NULL;
    start_batch(loader, slot);
}

size_t loader_n_broken(const struct loader *loader)
{
    return atomic_load(&loader->n_broken);
}

size_t loader_n_images(const struct loader *loader)
{
    return sampler_n_images(loader->sampler);
}

// Annotation files as the evaluation reads them, with boxes and with masks, under different
// options, in one piece and cut into parts.
#define _GNU_SOURCE // memfd_create
#include <omp.h>
#include <string.h>

#include "base/log.h"
#include "eval/evaluation.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

enum { MESSAGE_BYTES = 4096, MANY_THREADS = 3 };

// As strict as can be, the default, and as lenient as can be.
static const struct eval_reading readings[] = {
    {.type = EVAL_BOXES, .is_strict = true},
    {.type = EVAL_BOXES},
    {.type = EVAL_MASKS},
    {.type = EVAL_BOXES,
     .area = AREA_OF_MASK,
     .derive_area = true,
     .count_id0 = true,
     .repeat_last = true,
     .any_category = true},
    {.type = EVAL_MASKS, .derive_area = true, .count_id0 = true, .repeat_last = true},
};

static void check_truth(const struct eval_truth *truth)
{
    for (size_t i = 1; i < truth->n_images; i++)
        require(truth->images[i - 1].id < truth->images[i].id);
    for (size_t k = 1; k < truth->n_categories; k++)
        require(truth->categories[k - 1].id < truth->categories[k].id);
    for (size_t i = 0; i < truth->n_objects; i++) {
        const struct truth_object *object = &truth->objects[i];
        require(object->image < truth->n_images && object->category < truth->n_categories);
        require(truth->images[object->image].id == object->image_id);
        require(object->area - object->area == 0); // finite
        if (truth->type == EVAL_MASKS) require(rle_finish(&object->rle) == OK);
    }
}

static void require_same_object(const struct truth_object *a, const struct truth_object *b)
{
    require(a->id == b->id && a->image_id == b->image_id && a->category_id == b->category_id);
    require(a->image == b->image && a->category == b->category);
    require(a->is_crowd == b->is_crowd && a->is_ignored == b->is_ignored);
    require(memcmp(a->box, b->box, sizeof a->box) == 0);
    require(memcmp(&a->area, &b->area, sizeof a->area) == 0);
    require(a->rle.n == b->rle.n);
    require(a->rle.n == 0 || memcmp(a->rle.counts, b->rle.counts, 4 * a->rle.n) == 0);
}

static void require_same(const struct eval_truth *a, const struct eval_truth *b)
{
    require(a->n_images == b->n_images && a->n_categories == b->n_categories);
    require(a->n_objects == b->n_objects);
    for (size_t i = 0; i < a->n_images; i++)
        require(memcmp(&a->images[i], &b->images[i], sizeof a->images[i]) == 0);
    for (size_t k = 0; k < a->n_categories; k++) {
        require(a->categories[k].id == b->categories[k].id);
        require(strcmp(a->categories[k].name, b->categories[k].name) == 0);
    }
    for (size_t i = 0; i < a->n_objects; i++) require_same_object(&a->objects[i], &b->objects[i]);
}

// The first object once as a detection.
static void evaluate(const struct eval_truth *truth, bool use_categories)
{
    struct eval_params params;
    struct evaluation run;
    struct eval_detection detection = {.score = 0.5};
    if (truth->n_objects) {
        const struct truth_object *first = &truth->objects[0];
        detection.image_id = first->image_id;
        detection.category_id = first->category_id;
        for (int i = 0; i < 4; i++) detection.box[i] = first->box[i];
    }
    eval_params_init(&params);
    params.type = truth->type;
    params.use_categories = use_categories;
    params.n_threads = 1;
    if (evaluation_run(truth, &detection, truth->n_objects > 0, &params, &run) != OK) return;
    require(run.result.stats[0] <= 1 && run.result.stats[0] >= -1);
    evaluation_free(&run);
}

// Neither what is read nor what is said against it depends on the number of threads.
static void read_twice(const char *path, const struct eval_reading *reading)
{
    struct eval_truth *truth = NULL, *parted = NULL;
    char message[MESSAGE_BYTES] = "";
    omp_set_num_threads(1);
    enum status status = eval_truth_open_as(path, reading, &truth);
    if (status == OK) {
        check_truth(truth);
    } else {
        require(truth == NULL && fail_message()[0] != 0);
        snprintf(message, sizeof message, "%s", fail_message());
    }
    omp_set_num_threads(MANY_THREADS);
    require(eval_truth_open_as(path, reading, &parted) == status);
    if (status == OK) {
        require_same(truth, parted);
        evaluate(truth, !reading->any_category);
    } else {
        require(parted == NULL && strncmp(message, fail_message(), sizeof message - 1) == 0);
    }
    eval_truth_destroy(truth);
    eval_truth_destroy(parted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memory_file(path, data, size);
    log_set_quiet(true);
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) read_twice(path, &readings[i]);
    close(fd);
    return 0;
}

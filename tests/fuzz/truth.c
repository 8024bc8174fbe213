// Annotation files as the evaluation reads them, with boxes and with masks.
#define _GNU_SOURCE // memfd_create
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "eval/evaluation.h"
#include "tests/fuzz/fuzz.h"

static void require(bool condition)
{
    if (!condition) abort();
}

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

// Each object once as a detection: nothing is missed where ids and areas allow it.
static void evaluate(const struct eval_truth *truth)
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
    params.n_threads = 1;
    if (evaluation_run(truth, &detection, truth->n_objects > 0, &params, &run) != OK) return;
    require(run.result.stats[0] <= 1 && run.result.stats[0] >= -1);
    evaluation_free(&run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("truth", 0);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    log_set_quiet(true);
    for (int type = EVAL_BOXES; type <= EVAL_MASKS; type++) {
        struct eval_truth *truth = NULL;
        if (eval_truth_open(path, (enum eval_type)type, &truth) == OK) {
            check_truth(truth);
            evaluate(truth);
        } else {
            require(truth == NULL && fail_message()[0] != 0);
        }
        eval_truth_destroy(truth);
    }
    close(fd);
    return 0;
}

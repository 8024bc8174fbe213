// Results files, with boxes and with masks, under different options, in one piece and cut into
// parts, over a small ground truth.
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
    {.type = EVAL_MASKS, .is_strict = true},
    {.type = EVAL_BOXES},
    {.type = EVAL_MASKS},
    {.type = EVAL_BOXES, .area = AREA_OF_MASK, .any_category = true, .skip_unknown_images = true},
    {.type = EVAL_MASKS,
     .result_area_of_box = true,
     .any_category = true,
     .skip_unknown_images = true},
};

static const char truth_text[] =
    "{\"images\":[{\"id\":1,\"height\":4,\"width\":5},{\"id\":2,\"height\":30,\"width\":40},"
    "{\"id\":3}],\"categories\":[{\"id\":3,\"name\":\"a\"},{\"id\":4,\"name\":\"b\"}],"
    "\"annotations\":["
    "{\"id\":1,\"image_id\":1,\"category_id\":3,\"area\":2,\"iscrowd\":0,\"bbox\":[1,1,1,2],"
    "\"segmentation\":[[1,1,2,1,2,3,1,3]]},"
    "{\"id\":2,\"image_id\":2,\"category_id\":3,\"area\":1024,\"iscrowd\":0,\"bbox\":[0,0,9,9],"
    "\"segmentation\":[[0,0,9,0,9,9,0,9]]},"
    "{\"id\":3,\"image_id\":2,\"category_id\":4,\"area\":50,\"iscrowd\":1,\"bbox\":[5,5,20,20],"
    "\"segmentation\":{\"size\":[30,40],\"counts\":[300,600,300]}}]}";

static const struct eval_truth *truth_of(enum eval_type type)
{
    static struct eval_truth *truths[2];
    char path[64];
    if (truths[type]) return truths[type];
    int fd = memory_file(path, truth_text, strlen(truth_text));
    require(eval_truth_open(path, type, &truths[type]) == OK);
    close(fd);
    return truths[type];
}

static void require_same(const struct eval_results *a, const struct eval_results *b)
{
    require(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct eval_detection *x = &a->detections[i], *y = &b->detections[i];
        require(x->image_id == y->image_id && x->category_id == y->category_id);
        require(memcmp(x->box, y->box, sizeof x->box) == 0);
        require(memcmp(&x->score, &y->score, sizeof x->score) == 0);
        require(x->mask.kind == y->mask.kind && x->mask.n_bytes == y->mask.n_bytes);
        require(x->has_area == y->has_area && x->lacks_box == y->lacks_box);
        require(memcmp(&x->area, &y->area, sizeof x->area) == 0);
    }
}

static void evaluate(const struct eval_truth *truth, const struct eval_results *results,
                     bool use_categories)
{
    struct eval_params params;
    struct evaluation run;
    eval_params_init(&params);
    params.type = truth->type;
    params.use_categories = use_categories;
    params.n_threads = 1;
    // Boxes for masks need the size of image 3, which is not given; all else was checked.
    if (evaluation_run(truth, results->detections, results->n, &params, &run) != OK) {
        require(params.type == EVAL_MASKS && fail_message()[0] != 0);
        return;
    }
    for (int i = 0; i < COCO_STATS; i++)
        require(run.result.stats[i] == -1 ||
                (run.result.stats[i] >= 0 && run.result.stats[i] <= 1));
    evaluation_free(&run);
}

// Neither what is read nor what is said against it depends on the number of threads.
static void read_twice(const char *path, const struct eval_reading *reading)
{
    const struct eval_truth *truth = truth_of(reading->type);
    struct eval_results results, parted;
    char message[MESSAGE_BYTES] = "";
    omp_set_num_threads(1);
    enum status status = eval_results_open_as(path, truth, reading, &results);
    if (status != OK) {
        require(fail_message()[0] != 0);
        snprintf(message, sizeof message, "%s", fail_message());
    }
    omp_set_num_threads(MANY_THREADS);
    require(eval_results_open_as(path, truth, reading, &parted) == status);
    if (status != OK) {
        require(strncmp(message, fail_message(), sizeof message - 1) == 0);
        return;
    }
    require_same(&results, &parted);
    evaluate(truth, &results, !reading->any_category);
    eval_results_close(&results);
    eval_results_close(&parted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    log_set_quiet(true);
    int fd = memory_file(path, data, size);
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) read_twice(path, &readings[i]);
    close(fd);
    return 0;
}

// Results files, with boxes and with masks, over a small ground truth.
#define _GNU_SOURCE // memfd_create
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "eval/evaluation.h"
#include "tests/fuzz/fuzz.h"

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

static void require(bool condition)
{
    if (!condition) abort();
}

static int memory_file(char path[64], const void *bytes, size_t n)
{
    int fd = memfd_create("input", 0);
    require(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

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

static void evaluate(const struct eval_truth *truth, const struct eval_results *results)
{
    struct eval_params params;
    struct evaluation run;
    eval_params_init(&params);
    params.type = truth->type;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    log_set_quiet(true);
    int fd = memory_file(path, data, size);
    for (int type = EVAL_BOXES; type <= EVAL_MASKS; type++) {
        const struct eval_truth *truth = truth_of((enum eval_type)type);
        struct eval_results results;
        if (eval_results_open(path, truth, (enum eval_type)type, &results) == OK) {
            evaluate(truth, &results);
            eval_results_close(&results);
        } else {
            require(fail_message()[0] != 0);
        }
    }
    close(fd);
    return 0;
}

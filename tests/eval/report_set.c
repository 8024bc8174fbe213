#include "report_set.h"

#include <stdio.h>

#include "../scratch.h"

#define IMAGE      "\"images\":[{\"id\":1,\"height\":600,\"width\":1200,\"file_name\":\"one.png\"}],"
#define CATEGORIES "\"categories\":[{\"id\":1,\"name\":\"A\"},{\"id\":2,\"name\":\"B\"}],"
#define OBJECT(id, category, x, y)                                                                 \
    "{\"id\":" #id ",\"image_id\":1,\"category_id\":" #category ",\"bbox\":[" #x "," #y            \
    ",100,100],\"area\":10000,\"iscrowd\":0,\"segmentation\":[[" #x "," #y "," #x "," #y ",1,1]]}"
#define DETECTION(category, score, x, y)                                                           \
    "{\"image_id\":1,\"category_id\":" #category ",\"bbox\":[" #x "," #y                           \
    ",100,100],\"score\":" #score "}"

const char report_truth[] =
    "{" IMAGE CATEGORIES "\"annotations\":[" OBJECT(1, 1, 0, 0) "," OBJECT(2, 1, 200, 0) "," OBJECT(
        3, 1, 600, 0) "," OBJECT(4, 1, 0, 300) "," OBJECT(5, 2, 400,
                                                          0) "," OBJECT(6, 2, 800,
                                                                        0) "," OBJECT(7, 2, 200,
                                                                                      300) "]}";
const char report_results[] = "[" DETECTION(2, 0.2, 200, 300) "," DETECTION(1, 0.9, 0, 0) "," DETECTION(
    1, 0.8, 0,
    0) "," DETECTION(1, 0.7, 250,
                     0) "," DETECTION(1, 0.6, 400,
                                      0) "," DETECTION(2, 0.5, 650,
                                                       0) "," DETECTION(1, 0.4, 1000,
                                                                        400) "," DETECTION(1, 0.3,
                                                                                           0,
                                                                                           300) "]";

void report_set_make(const char *name, const char *truth, const char *results, enum eval_type type,
                     struct report_set *set)
{
    char file[64], path[PATH_BYTES];
    struct eval_params params;
    eval_params_init(&params);
    params.type = type;
    snprintf(file, sizeof file, "report_%s.truth.json", name);
    cr_assert_eq(eval_truth_open(scratch_text(path, file, truth), type, &set->truth), OK, "%s",
                 fail_message());
    snprintf(file, sizeof file, "report_%s.results.json", name);
    cr_assert_eq(
        eval_results_open(scratch_text(path, file, results), set->truth, type, &set->results), OK,
        "%s", fail_message());
    cr_assert_eq(evaluation_run(set->truth, set->results.detections, set->results.n, &params,
                                &set->evaluation),
                 OK, "%s", fail_message());
    cr_assert_eq(overlaps_find(set->truth, set->results.detections, &set->evaluation.cells, &params,
                               &set->overlaps),
                 OK, "%s", fail_message());
}

void report_set_free(struct report_set *set)
{
    overlaps_free(&set->overlaps);
    evaluation_free(&set->evaluation);
    eval_results_close(&set->results);
    eval_truth_destroy(set->truth);
}

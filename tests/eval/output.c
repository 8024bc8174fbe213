// What is printed and written.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../scratch.h"
#include "base/json.h"
#include "base/mem.h"
#include "eval/coco_eval.h"

// Runs a printing function with stdout in a file; the text is freed with mem_free.
static char *printed(void (*print)(const struct eval_result *), const struct eval_result *result)
{
    char path[PATH_BYTES], *text;
    size_t n;
    scratch_path(path, "eval_print.txt");
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    cr_assert(freopen(path, "w", stdout) != NULL);
    print(result);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    cr_assert_eq(file_read(path, 0, &text, &n), OK);
    return text;
}

static char name_plain[] = "person", name_wide[] = "tête \xC3\xA9\n", name_empty[] = "";
static struct eval_class classes[] = {
    {1, name_plain, {0.5, 0.75, 0.25, -1, 0.125, 1, 0, 0.1, 0.2, 0.3, 0.4, 0.5}, 12, 345},
    {2, name_wide, {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, 0, 7},
    {90, name_empty, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 0},
};
#define AP(low, high, range, area, value)                                                          \
    {                                                                                              \
        false, low, high, range, area, 100, value                                                  \
    }
#define AR(area, limit, value)                                                                     \
    {                                                                                              \
        true, 0.5, 0.95, true, area, limit, value                                                  \
    }
static const struct eval_result result = {
    .stats = {1.0 / 3, 0.6969727247299577, 0.57298166699, 0.5, 0.51939969, 0.9999999, 0.3868, 0, -1,
              0.6398, 0.1, 1},
    .classes = classes,
    .n_classes = 3,
    .lines = {AP(0.5, 0.95, true, "all", 1.0 / 3), AP(0.5, 0.5, false, "all", 0.6969727247299577),
              AP(0.75, 0.75, false, "all", 0.57298166699), AP(0.5, 0.95, true, "small", 0.5),
              AP(0.5, 0.95, true, "medium", 0.51939969), AP(0.5, 0.95, true, "large", 0.9999999),
              AR("all", 1, 0.3868), AR("all", 10, 0), AR("all", 100, -1), AR("small", 100, 0.6398),
              AR("medium", 100, 0.1), AR("large", 100, 1)},
    .n_lines = 12,
    .n_empty_classes = 1,
    .n_empty_detections = 7};

// As pycocotools 2.0.11 prints these numbers.
static const char twelve_lines[] =
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.333\n"
    " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.697\n"
    " Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.573\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.500\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.519\n"
    " Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.387\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = -1.000\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.640\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.100\n"
    " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 1.000\n";

Test(eval_output, twelve_lines)
{
    char *text = printed(eval_print, &result);
    cr_expect_str_eq(text, twelve_lines);
    mem_free(text);
}

Test(eval_output, classes)
{
    char *text = printed(eval_print_classes, &result);
    cr_expect_str_eq(
        text, "class     objects detections     AP   AP50   AP75    APs    APm    APl  AR100\n"
              "person         12        345  0.500  0.750  0.250      -  0.125  1.000  0.200\n"
              "tête é?         0          7      -      -      -      -      -      -      -\n"
              "90              1          0  0.000  0.000  0.000  0.000  0.000  0.000  0.000\n");
    mem_free(text);
}

Test(eval_output, json)
{
    char path[PATH_BYTES];
    cJSON *tree;
    cr_assert_eq(eval_save_json(&result, scratch_path(path, "eval_out.json")), OK);
    cr_assert_eq(json_load(path, 0, false, &tree), OK, "%s", fail_message());
    cr_expect_str_eq(json_find(tree, "type")->valuestring, "bbox");
    const cJSON *stats = json_find(tree, "stats"), *list = json_find(tree, "per_class");
    for (int i = 0; i < COCO_STATS; i++) {
        cr_expect_eq(json_find(stats, coco_stat_names[i])->valuedouble, result.stats[i]);
        cr_expect_eq(json_find(cJSON_GetArrayItem(list, 0), coco_stat_names[i])->valuedouble,
                     classes[0].stats[i]);
    }
    cr_expect_eq(cJSON_GetArraySize(list), 3);
    const cJSON *second = cJSON_GetArrayItem(list, 1);
    cr_expect_eq(json_find(second, "category_id")->valuedouble, 2);
    cr_expect_str_eq(json_find(second, "name")->valuestring, name_wide);
    cr_expect_eq(json_find(second, "n_detections")->valuedouble, 7);
    const cJSON *summary = json_find(tree, "summary"), *last = cJSON_GetArrayItem(summary, 11);
    cr_expect_eq(cJSON_GetArraySize(summary), 12);
    cr_expect_str_eq(json_find(last, "metric")->valuestring, "AR");
    cr_expect_str_eq(json_find(last, "area")->valuestring, "large");
    cr_expect_eq(json_find(last, "max_detections")->valuedouble, 100);
    cr_expect_eq(cJSON_GetArrayItem(json_find(last, "iou"), 1)->valuedouble, 0.95);
    const cJSON *empty = json_find(tree, "classes_without_objects");
    cr_expect_eq(json_find(empty, "classes")->valuedouble, 1);
    cr_expect_eq(json_find(empty, "detections")->valuedouble, 7);
    cJSON_Delete(tree);
    cr_expect_eq(eval_save_json(&result, "/no/such/folder/out.json"), ERR_IO);
}

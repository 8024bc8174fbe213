// Accuracy by hand, and its files.
#define _POSIX_C_SOURCE 200809L
#include "eval/accuracy.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "../scratch.h"
#include "base/json.h"

enum { N_CLASSES = 7 };
static const char *const names[N_CLASSES] = {"a", "b", "c \"quoted\"", "d", "e", "f", "g"};

// Logits that fall from the first given channel to the last.
static void add(struct class_results *results, int label, const int order[N_CLASSES])
{
    float logits[N_CLASSES];
    for (int i = 0; i < N_CLASSES; i++) logits[order[i]] = (float)(N_CLASSES - i);
    cr_assert_eq(class_results_add(results, (int64_t)results->n + 1, "x.jpg", label, logits), OK,
                 "%s", fail_message());
}

static void fill(struct class_results *results)
{
    static const int up[N_CLASSES] = {0, 1, 2, 3, 4, 5, 6}, down[N_CLASSES] = {6, 5, 4, 3, 2, 1, 0};
    class_results_init(results);
    cr_assert_eq(class_results_set_classes(results, N_CLASSES, names), OK);
    add(results, 0, up);   // right
    add(results, 0, down); // not among five
    add(results, 0, up);
    add(results, 1, up);   // second
    add(results, 4, up);   // fifth
    add(results, 5, up);   // sixth
    add(results, 6, down); // right
    add(results, -1, up);  // nobody knows: does not count
}

static double loss_of_rank(int rank)
{
    double sum = 0;
    for (int i = 1; i <= N_CLASSES; i++) sum += exp(i);
    return log(sum) - (N_CLASSES - rank);
}

Test(accuracy, by_hand)
{
    struct class_results results;
    struct accuracy a;
    fill(&results);
    cr_assert_eq(accuracy_measure(&results, &a), OK, "%s", fail_message());
    cr_expect_eq(a.n, 7);
    cr_expect_float_eq(a.top1, 3.0 / 7, 1e-12);
    cr_expect_float_eq(a.top5, 5.0 / 7, 1e-12);
    // Classes with images: 2/3, 0, 0, 0, 1.
    cr_expect_float_eq(a.per_class_mean, (2.0 / 3 + 1) / 5, 1e-12);
    double loss = 3 * loss_of_rank(0) + loss_of_rank(6) + loss_of_rank(1) + loss_of_rank(4) +
                  loss_of_rank(5);
    cr_expect_float_eq(a.loss, loss / 7, 1e-9);
    cr_expect(a.confusion[0] == 2 && a.confusion[6] == 1 && a.confusion[N_CLASSES] == 1);
    cr_expect(a.confusion[6 * N_CLASSES + 6] == 1 && a.n_of[0] == 3 && a.n_of[2] == 0);
    cr_expect(a.n_top5_of[0] == 2 && a.n_top5_of[4] == 1 && a.n_top5_of[5] == 0);
    accuracy_free(&a);
    class_results_free(&results);
}

Test(accuracy, nothing_known)
{
    struct class_results results;
    struct accuracy a;
    char path[PATH_BYTES];
    class_results_init(&results);
    cr_assert_eq(class_results_set_classes(&results, N_CLASSES, names), OK);
    cr_assert_eq(accuracy_measure(&results, &a), OK);
    cr_expect(a.n == 0 && a.top1 == 0 && a.loss == 0 && a.per_class_mean == 0);
    cr_expect_eq(accuracy_draw(&a, scratch_path(path, "none.png")), OK, "%s", fail_message());
    cr_expect_eq(accuracy_draw_classes(&a, path), OK, "%s", fail_message());
    accuracy_free(&a);
    class_results_free(&results);
}

Test(accuracy, saves_what_it_measured)
{
    struct class_results results;
    struct accuracy a;
    char path[PATH_BYTES];
    cJSON *tree = NULL;
    fill(&results);
    cr_assert_eq(accuracy_measure(&results, &a), OK);
    cr_assert_eq(accuracy_save_json(&a, scratch_path(path, "accuracy.json")), OK);
    cr_assert_eq(json_load(path, 0, false, &tree), OK, "%s", fail_message());
    cr_expect_eq(cJSON_GetObjectItem(tree, "images")->valueint, 7);
    cr_expect_eq(cJSON_GetObjectItem(tree, "top1")->valuedouble, a.top1);
    const cJSON *classes = cJSON_GetObjectItem(tree, "classes");
    cr_assert_eq(cJSON_GetArraySize(classes), N_CLASSES);
    const cJSON *empty = cJSON_GetArrayItem(classes, 2);
    cr_expect_str_eq(cJSON_GetObjectItem(empty, "name")->valuestring, names[2]);
    cr_expect(cJSON_IsNull(cJSON_GetObjectItem(empty, "top1")));
    const cJSON *rows = cJSON_GetObjectItem(tree, "confusion");
    cr_expect_eq(cJSON_GetArrayItem(cJSON_GetArrayItem(rows, 0), 6)->valueint, 1);
    cJSON_Delete(tree);
    cr_expect_neq(accuracy_save_json(&a, "/no/such/folder/a.json"), OK);
    accuracy_free(&a);
    class_results_free(&results);
}

Test(accuracy, prints_classes)
{
    struct class_results results;
    struct accuracy a;
    char *text = NULL;
    size_t n = 0;
    fill(&results);
    cr_assert_eq(accuracy_measure(&results, &a), OK);
    FILE *stream = open_memstream(&text, &n);
    accuracy_print_classes(&a, stream);
    accuracy_print(&a, stream);
    fclose(stream);
    cr_expect_not_null(strstr(text, "66.67    66.67  g (1)"), "%s", text);
    cr_expect_not_null(strstr(text, "7 images: top-1 42.86 %, top-5 71.43 %"), "%s", text);
    cr_expect_not_null(strstr(text, "0        -        -\n"), "%s", text);
    free(text);
    accuracy_free(&a);
    class_results_free(&results);
}

// Results of classifiers: what is kept of logits, the file, and files that lie.
#include "eval/class_results.h"

#include <math.h>

#include "../scratch.h"

static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
enum { N_CLASSES = 6 };

static void open(struct class_results *results)
{
    class_results_init(results);
    cr_assert_eq(class_results_set_classes(results, N_CLASSES, names), OK);
}

Test(class_results, keeps_the_best_five)
{
    static const float logits[N_CLASSES] = {1, 3, -2, 3, 0.5f, 90};
    static const int want[CLASS_TOP] = {5, 1, 3, 0, 4}; // equal scores: the lower channel first
    struct class_results results;
    open(&results);
    cr_assert_eq(class_results_add(&results, 4, "x.jpg", 5, logits), OK);
    const struct class_result *r = &results.items[0];
    cr_assert_eq(r->n_top, CLASS_TOP);
    for (int i = 0; i < CLASS_TOP; i++) cr_expect_eq(r->top[i], want[i], "%d", i);
    cr_expect_float_eq(r->scores[0], 1, 1e-12);
    cr_expect_float_eq(r->scores[1] * exp(87), 1, 1e-6);
    cr_expect(r->loss >= 0 && r->loss < 1e-30);
    cr_assert_eq(class_results_add(&results, 5, "x.jpg", 2, logits), OK);
    cr_expect_float_eq(results.items[1].loss, 92, 1e-9);
    cr_assert_eq(class_results_add(&results, 6, "x.jpg", -1, logits), OK);
    cr_expect_eq(results.items[2].loss, -1);
    static const float bad[N_CLASSES] = {0, 0, (float)NAN};
    cr_expect_eq(class_results_add(&results, 7, "bad.jpg", 0, bad), ERR_NUMERIC);
    expect_message("bad.jpg: the score of class 2");
    class_results_free(&results);
}

Test(class_results, a_file_and_back)
{
    static const float first[N_CLASSES] = {0.25f, -1, 2, 3, 0.5f, 1};
    static const float second[N_CLASSES] = {1, 0, 0, 0, 0, 0};
    struct class_results written, read;
    char path[PATH_BYTES];
    open(&written);
    cr_assert_eq(class_results_add(&written, 9, "nine \"9\".jpg", 3, first), OK);
    cr_assert_eq(class_results_add(&written, -4, "four/4.png", -1, second), OK);
    cr_assert_eq(class_results_save(&written, scratch_path(path, "classes.json")), OK);
    cr_assert_eq(class_results_load(path, &read), OK, "%s", fail_message());
    cr_assert(read.n == 2 && read.n_classes == N_CLASSES);
    cr_expect_str_eq(read.classes[4], "e");
    for (size_t i = 0; i < 2; i++) { // by ascending id
        const struct class_result *a = &written.items[1 - i], *b = &read.items[i];
        cr_expect(a->id == b->id && a->label == b->label && a->n_top == b->n_top);
        cr_expect_str_eq(a->file, b->file);
        cr_expect_float_eq(a->loss, b->loss, 1e-8);
        for (int k = 0; k < CLASS_TOP; k++) {
            cr_expect_eq(a->top[k], b->top[k]);
            cr_expect_float_eq(a->scores[k], b->scores[k], 1e-8);
        }
    }
    class_results_free(&read);
    class_results_free(&written);
}

#define IMAGE(members) "{\"type\": \"classification\", \"classes\": [\"a\", \"b\"], \"images\": [" \
                       members "]}"
#define GOOD "{\"id\": 1, \"file\": \"x\", \"label\": 0, \"loss\": 1, \"top\": [1, 0], " \
             "\"scores\": [0.9, 0.1]}"
#define WITH(label, top, scores)                                                                   \
    "{\"id\": 1, \"file\": \"x\", \"loss\": 1, \"label\": " label ", \"top\": " top               \
    ", \"scores\": " scores "}"

Test(class_results, hostile_files)
{
    static const struct {
        const char *text;
        enum status status;
        const char *part;
    } cases[] = {
        {"", ERR_PARSE, "hostile.json"},
        {"[1, 2", ERR_PARSE, "hostile.json"},
        {"[]", ERR_DATA, "hostile.json"},
        {"{\"type\": \"detection\"}", ERR_DATA, "'detection'"},
        {"{\"type\": \"classification\", \"classes\": [\"a\", 3], \"images\": []}", ERR_DATA,
         "classes[1] is no text"},
        {"{\"type\": \"classification\", \"classes\": [\"a\"]}", ERR_DATA, "images"},
        {"{\"type\": \"classification\", \"classes\": [], \"images\": [" GOOD "]}", ERR_DATA,
         "there are no classes"},
        {IMAGE("7"), ERR_DATA, "images[0]"},
        {IMAGE(GOOD ", " GOOD), ERR_DATA, "image 1 stands there twice"},
        {IMAGE("{\"id\": 1}"), ERR_DATA, "file"},
        {IMAGE("{\"id\": 1.5, \"file\": \"x\"}"), ERR_DATA, "id"},
        {IMAGE(WITH("2", "[0]", "[1]")), ERR_DATA, "label"},
        {IMAGE(WITH("-2", "[0]", "[1]")), ERR_DATA, "label"},
        {IMAGE(WITH("1e300", "[0]", "[1]")), ERR_DATA, "label"},
        {IMAGE(WITH("0", "[2]", "[1]")), ERR_DATA, "class 2, but there are 0 to 1"},
        {IMAGE(WITH("0", "[-1]", "[1]")), ERR_DATA, "class -1"},
        {IMAGE(WITH("0", "[0.5]", "[1]")), ERR_DATA, "class 0.5"},
        {IMAGE(WITH("0", "[1e99]", "[1]")), ERR_DATA, "class 1e+99"},
        {IMAGE(WITH("0", "[]", "[]")), ERR_DATA, "0 classes in top"},
        {IMAGE(WITH("0", "[0, 1, 0, 1, 0, 1]", "[1]")), ERR_DATA, "6 classes in top"},
        {IMAGE(WITH("0", "[0, 1]", "[1]")), ERR_DATA, "scores"},
        {IMAGE(WITH("0", "[\"0\"]", "[1]")), ERR_DATA, "top"},
        {IMAGE(WITH("0", "{}", "[1]")), ERR_DATA, "top"},
    };
    char path[PATH_BYTES];
    struct class_results results;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch_text(path, "hostile.json", cases[i].text);
        enum status status = class_results_load(path, &results);
        cr_expect_eq(status, cases[i].status, "%zu: %s", i, fail_message());
        expect_message(cases[i].part);
        if (status == OK) class_results_free(&results);
    }
    scratch_text(path, "hostile.json", IMAGE(GOOD));
    cr_assert_eq(class_results_load(path, &results), OK, "%s", fail_message());
    class_results_free(&results);
    cr_expect_eq(class_results_load("/no/such.json", &results), ERR_IO);
}

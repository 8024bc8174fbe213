// Options beyond the defaults, and the tensor file.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../scratch.h"
#include "base/mem.h"
#include "nn/safetensors.h"
#include "problem.h"

static struct ref_problem problem;

struct loaded {
    struct eval_truth *truth;
    struct eval_detection *detections;
};

static struct loaded load(uint32_t seed)
{
    struct loaded loaded;
    char name[64];
    snprintf(name, sizeof name, "options%ld", (long)getpid());
    problem_make(seed, &problem);
    problem_load(&problem, name, &loaded.truth, &loaded.detections);
    return loaded;
}

static void unload(struct loaded *loaded)
{
    mem_free(loaded->detections);
    eval_truth_destroy(loaded->truth);
}

static struct evaluation run(const struct loaded *loaded, size_t n,
                             const struct eval_params *params)
{
    struct evaluation evaluation;
    cr_assert_eq(evaluation_run(loaded->truth, loaded->detections, n, params, &evaluation), OK,
                 "%s", fail_message());
    return evaluation;
}

static void expect_same(const struct evaluation *a, const struct evaluation *b)
{
    size_t n = a->tensors.n_thresholds * a->tensors.n_categories * a->tensors.n_areas *
               a->tensors.n_limits;
    cr_expect(memcmp(a->tensors.precision, b->tensors.precision, n * EVAL_RECALLS * 8) == 0);
    cr_expect(memcmp(a->tensors.scores, b->tensors.scores, n * EVAL_RECALLS * 8) == 0);
    cr_expect(memcmp(a->tensors.recall, b->tensors.recall, n * 8) == 0);
    cr_expect(memcmp(a->result.stats, b->result.stats, sizeof a->result.stats) == 0);
}

// Cutting to the best of each image is the same as leaving the others out of the list.
Test(eval_options, max_per_image)
{
    for (uint32_t seed = 0; seed < 25; seed++) {
        struct loaded loaded = load(seed);
        struct eval_params params;
        eval_params_init(&params);
        params.max_per_image = 1 + (int)seed / 2;
        struct evaluation cut = run(&loaded, problem.n_detections, &params);
        size_t n = 0;
        for (size_t i = 0; i < problem.n_detections; i++) {
            int n_better = 0;
            for (size_t j = 0; j < problem.n_detections; j++) {
                const struct ref_detection *d = &problem.detections[i], *e = &problem.detections[j];
                if (e->image == d->image &&
                    (e->score > d->score || (e->score == d->score && j < i)))
                    n_better++;
            }
            if (n_better < params.max_per_image) loaded.detections[n++] = loaded.detections[i];
        }
        params.max_per_image = 0;
        struct evaluation filtered = run(&loaded, n, &params);
        expect_same(&cut, &filtered);
        evaluation_free(&cut);
        evaluation_free(&filtered);
        unload(&loaded);
    }
}

// With "ignore" honoured, ignored objects are as if their area were outside every range: neither
// found nor missed. Without, it has no effect.
Test(eval_options, honor_ignore)
{
    static const char text[] =
        "{\"images\":[{\"id\":1}],\"categories\":[{\"id\":1,\"name\":\"a\"}],\"annotations\":["
        "{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,9,9],\"area\":81,\"iscrowd\":0},"
        "{\"id\":2,\"image_id\":1,\"category_id\":1,\"bbox\":[50,0,9,9],\"area\":81,\"iscrowd\":0,"
        "\"ignore\":1}]}";
    char path[PATH_BYTES];
    struct eval_detection detections[] = {
        {.image_id = 1, .category_id = 1, .box = {50, 0, 9, 9}, .score = 0.9},
        {.image_id = 1, .category_id = 1, .box = {0, 0, 9, 9}, .score = 0.5}};
    struct loaded loaded = {.detections = detections};
    struct eval_params params;
    cr_assert_eq(eval_truth_load(scratch_text(path, "ignore.json", text), &loaded.truth), OK);
    eval_params_init(&params);
    for (int honor = 0; honor < 2; honor++) {
        params.honor_ignore = honor;
        struct evaluation both = run(&loaded, 2, &params);
        cr_expect_gt(both.result.stats[0], 0.999); // the ignored one does no harm
        evaluation_free(&both);
        struct evaluation one = run(&loaded, 1, &params);
        if (honor)
            cr_expect_eq(one.result.stats[0], 0);
        else
            cr_expect_float_eq(one.result.stats[0], 51.0 / 101, 1e-9);
        evaluation_free(&one);
    }
    eval_truth_destroy(loaded.truth);
}

// Other limits than 1, 10, 100: AP is that of the largest.
Test(eval_options, limits)
{
    struct loaded loaded = load(3);
    struct eval_params params;
    eval_params_init(&params);
    struct evaluation usual = run(&loaded, problem.n_detections, &params);
    params.n_limits = 1;
    params.limits[0] = 100;
    struct evaluation single = run(&loaded, problem.n_detections, &params);
    cr_expect(memcmp(usual.result.stats, single.result.stats, 6 * sizeof(double)) == 0);
    cr_expect_eq(single.result.stats[8], usual.result.stats[8]);
    cr_expect_eq(single.result.stats[6], usual.result.stats[8]);
    evaluation_free(&single);
    params.limits[0] = 300;
    single = run(&loaded, problem.n_detections, &params);
    cr_expect_geq(single.result.stats[8], usual.result.stats[8]);
    evaluation_free(&single);
    evaluation_free(&usual);
    unload(&loaded);
}

static void expect_entry(const struct st_file *file, const char *name, const void *bytes,
                         size_t n_bytes)
{
    const struct st_tensor *tensor = st_find(file, name);
    cr_assert(tensor != NULL, "%s", name);
    cr_assert_eq(tensor->n_bytes, n_bytes, "%s", name);
    cr_expect(memcmp(tensor->bytes, bytes, n_bytes) == 0, "%s", name);
}

Test(eval_options, tensor_file)
{
    struct loaded loaded = load(7);
    struct eval_params params;
    struct st_file file;
    char path[PATH_BYTES];
    eval_params_init(&params);
    struct evaluation e = run(&loaded, problem.n_detections, &params);
    cr_assert_eq(evaluation_save_tensors(&e, scratch_path(path, "tensors.safetensors")), OK, "%s",
                 fail_message());
    cr_assert_eq(st_open(path, &file), OK, "%s", fail_message());
    size_t n_curves = 10 * problem.n_categories * 4 * 3;
    expect_entry(&file, "precision", e.tensors.precision, n_curves * EVAL_RECALLS * 8);
    expect_entry(&file, "scores", e.tensors.scores, n_curves * EVAL_RECALLS * 8);
    expect_entry(&file, "recall", e.tensors.recall, n_curves * 8);
    expect_entry(&file, "iou_thresholds", params.thresholds, 80);
    expect_entry(&file, "recall_thresholds", params.recalls, EVAL_RECALLS * 8);
    expect_entry(&file, "category_ids", problem.categories, problem.n_categories * 8);
    expect_entry(&file, "area_ranges", (const double[]){0, 1e10, 0, 1024, 1024, 9216, 9216, 1e10},
                 64);
    expect_entry(&file, "max_detections", (const int64_t[]){1, 10, 100}, 24);
    cr_expect_eq(st_find(&file, "precision")->rank, 5);
    cr_expect_str_eq(st_meta(&file, "type"), "bbox");
    st_close(&file);
    evaluation_free(&e);
    params.use_categories = false;
    e = run(&loaded, problem.n_detections, &params);
    cr_assert_eq(evaluation_save_tensors(&e, path), OK);
    cr_assert_eq(st_open(path, &file), OK, "%s", fail_message());
    expect_entry(&file, "category_ids", (const int64_t[]){-1}, 8);
    st_close(&file);
    evaluation_free(&e);
    cr_expect_eq(e.result.n_classes, 0);
    unload(&loaded);
}

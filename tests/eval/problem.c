#include "problem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../scratch.h"
#include "base/mem.h"
#include "base/rng.h"

static double pick(struct rng *rng, double from, double to, double quantum)
{
    double value = from + (to - from) * rng_double(rng);
    return quantum > 0 ? (double)(int)(value / quantum) * quantum : value;
}

static void pick_box(struct rng *rng, double quantum, double box[4])
{
    box[0] = pick(rng, -20, 200, quantum);
    box[1] = pick(rng, -20, 200, quantum);
    box[2] = pick(rng, quantum, 150, quantum);
    box[3] = pick(rng, quantum, 150, quantum);
}

static void add_detections(struct ref_problem *p, struct rng *rng, const struct ref_object *near,
                           double quantum, double score_steps)
{
    struct ref_detection *d = &p->detections[p->n_detections++];
    d->image = near->image;
    d->category = near->category;
    for (int i = 0; i < 4; i++) {
        double shift = rng_below(rng, 3) ? 0 : pick(rng, -0.3, 0.3, 0) * near->box[2 + i % 2];
        d->box[i] = near->box[i] + (quantum > 0 ? (double)(int)(shift / quantum) * quantum : shift);
    }
    d->score = pick(rng, 0, score_steps, 1) / score_steps;
}

void problem_make(uint32_t seed, struct ref_problem *p)
{
    static const double areas[] = {1024, 9216, 1023.999, 0, 5000};
    struct rng rng;
    memset(p, 0, sizeof *p);
    rng_start(&rng, 77, RNG_TEST, seed);
    double quantum = rng_below(&rng, 3) ? 8 : 0;
    double score_steps = rng_below(&rng, 2) ? 10 : 100000;
    p->n_images = 1 + rng_below(&rng, 8);
    p->n_categories = 1 + rng_below(&rng, 4);
    for (size_t i = 0; i < p->n_images; i++) p->images[i] = (int64_t)(i * i * 3 + seed % 5);
    for (size_t k = 0; k < p->n_categories; k++) p->categories[k] = (int64_t)(k * 7 + 1);
    size_t n_objects = rng_below(&rng, 60);
    for (size_t g = 0; g < n_objects; g++) {
        struct ref_object *object = &p->objects[p->n_objects++];
        object->id = seed % 60 == 9 ? (int64_t)g : (int64_t)(1000 - g); // one id 0 now and then
        object->image = p->images[rng_below(&rng, (uint32_t)p->n_images)];
        // The last class gets detections alone.
        uint32_t n_used = (uint32_t)(p->n_categories > 1 ? p->n_categories - 1 : 1);
        object->category = p->categories[rng_below(&rng, n_used)];
        pick_box(&rng, quantum, object->box);
        if (g > 0 && rng_below(&rng, 8) == 0)
            memcpy(object->box, object[-1].box, sizeof object->box);
        object->area = object->box[2] * object->box[3];
        if (rng_below(&rng, 3) == 0) object->area = areas[rng_below(&rng, 5)];
        object->is_crowd = rng_below(&rng, 6) == 0;
        for (uint32_t n = rng_below(&rng, 5); n > 0; n--)
            add_detections(p, &rng, object, quantum, score_steps);
    }
    size_t n_loose = seed % 20 == 3 ? 700 : rng_below(&rng, 40); // over the limit of 100 a cell
    for (size_t i = 0; i < n_loose; i++) {
        struct ref_object loose = {.image = p->images[rng_below(&rng, (uint32_t)p->n_images)],
                                   .category =
                                       p->categories[rng_below(&rng, (uint32_t)p->n_categories)]};
        pick_box(&rng, quantum, loose.box);
        add_detections(p, &rng, &loose, quantum, score_steps);
    }
    for (size_t i = p->n_detections; i > 1; i--) { // shuffled file order
        size_t j = rng_below(&rng, (uint32_t)i);
        struct ref_detection swap = p->detections[i - 1];
        p->detections[i - 1] = p->detections[j];
        p->detections[j] = swap;
    }
}

static void write_truth(const struct ref_problem *p, const char *path)
{
    struct file_writer writer;
    cr_assert_eq(file_writer_begin(&writer, path), OK);
    FILE *f = writer.stream;
    fputs("{\"info\":{\"a\":[1,{}]},\"annotations\":[", f);
    for (size_t g = 0; g < p->n_objects; g++) {
        const struct ref_object *o = &p->objects[g];
        fprintf(
            f,
            "%s{\"segmentation\":[[1,2,3.5,4,5,6]],\"id\":%lld,\"image_id\":%lld,\"area\":%.17g,"
            "\"bbox\":[%.17g,%.17g,%.17g,%.17g],\"category_id\":%lld,\"iscrowd\":%d}",
            g ? ",\n" : "", (long long)o->id, (long long)o->image, o->area, o->box[0], o->box[1],
            o->box[2], o->box[3], (long long)o->category, o->is_crowd);
    }
    fputs("],\"images\":[", f);
    for (size_t i = p->n_images; i-- > 0;)
        fprintf(f, "{\"id\":%lld,\"file_name\":\"x\"}%s", (long long)p->images[i], i ? "," : "");
    fputs("],\"categories\":[", f);
    for (size_t k = p->n_categories; k-- > 0;)
        fprintf(f, "{\"name\":\"n%zu\",\"id\":%lld}%s", k, (long long)p->categories[k],
                k ? "," : "");
    fputs("]}\n", f);
    cr_assert_eq(file_writer_commit(&writer), OK);
}

void problem_load(const struct ref_problem *p, const char *name, struct eval_truth **truth,
                  struct eval_detection **detections)
{
    char file[64], path[PATH_BYTES];
    snprintf(file, sizeof file, "eval_%s.truth.json", name);
    write_truth(p, scratch_path(path, file));
    cr_assert_eq(eval_truth_load(path, truth), OK, "%s", fail_message());
    struct eval_detection *given = mem_alloc(p->n_detections, sizeof *given);
    for (size_t i = 0; i < p->n_detections; i++) {
        const struct ref_detection *d = &p->detections[i];
        given[i] = (struct eval_detection){
            .image_id = d->image, .category_id = d->category, .score = d->score};
        memcpy(given[i].box, d->box, sizeof d->box);
    }
    // Through a file, so that writing and reading numbers are tested with the same cases.
    size_t n = 0;
    snprintf(file, sizeof file, "eval_%s.results.json", name);
    cr_assert_eq(eval_results_save(scratch_path(path, file), given, p->n_detections), OK);
    cr_assert_eq(eval_results_load(path, *truth, detections, &n), OK, "%s", fail_message());
    cr_assert_eq(n, p->n_detections);
    cr_assert(memcmp(given, *detections, n * sizeof *given) == 0, "results changed in their file");
    mem_free(given);
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

void expect_tensors(const struct eval_tensors *tensors, const struct ref_problem *p,
                    const struct ref_tensors *expected, const char *what)
{
    size_t n_categories = p->n_categories, n_wrong = 0;
    cr_assert_eq(tensors->n_thresholds, REF_T);
    cr_assert_eq(tensors->n_categories, n_categories);
    for (size_t t = 0; t < REF_T; t++)
        for (size_t k = 0; k < n_categories; k++)
            for (size_t a = 0; a < REF_A; a++)
                for (size_t m = 0; m < REF_M; m++) {
                    size_t within = (k * REF_A + a) * REF_M + m, per = n_categories * REF_A * REF_M;
                    n_wrong +=
                        !same_bits(tensors->recall[t * per + within], expected->recall[t][k][a][m]);
                    for (size_t r = 0; r < REF_R; r++) {
                        size_t at = (t * REF_R + r) * per + within;
                        n_wrong +=
                            !same_bits(tensors->precision[at], expected->precision[t][r][k][a][m]);
                        n_wrong += !same_bits(tensors->scores[at], expected->scores[t][r][k][a][m]);
                    }
                }
    cr_assert_eq(n_wrong, 0, "%s: %zu elements differ", what, n_wrong);
}

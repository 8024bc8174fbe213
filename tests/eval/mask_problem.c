#include "mask_problem.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "../scratch.h"
#include "base/mem.h"
#include "base/rng.h"

static void draw_rectangle(uint8_t *mask, int x, int y, int width, int height)
{
    for (int j = y; j < y + height && j < REF_SIDE; j++)
        for (int i = x; i < x + width && i < REF_SIDE; i++) mask[j * REF_SIDE + i] = 1;
}

static void draw_disc(uint8_t *mask, int x, int y, int radius)
{
    for (int j = 0; j < REF_SIDE; j++)
        for (int i = 0; i < REF_SIDE; i++)
            if ((i - x) * (i - x) + (j - y) * (j - y) <= radius * radius)
                mask[j * REF_SIDE + i] = 1;
}

static int below(struct rng *rng, uint32_t n)
{
    return (int)rng_below(rng, n);
}

static void draw(struct rng *rng, uint8_t *mask)
{
    switch (rng_below(rng, 12)) {
    case 0:
        break; // empty
    case 1:
        draw_rectangle(mask, 0, 0, REF_SIDE, REF_SIDE);
        break;
    case 2:
        draw_rectangle(mask, 4, 4, 32, 32); // 1024 pixels
        break;
    case 3:
        for (int i = 0; i < 30; i++) mask[rng_below(rng, REF_PIXELS)] = 1;
        break;
    case 4:
    case 5:
    case 6:
        draw_disc(mask, below(rng, REF_SIDE), below(rng, REF_SIDE), 2 + below(rng, 12));
        break;
    default:
        draw_rectangle(mask, 4 * below(rng, 9), 4 * below(rng, 9), 4 + 4 * below(rng, 5),
                       4 + 4 * below(rng, 5));
    }
}

// Moved by some pixels; what leaves the image is lost.
static void move(const uint8_t *from, int dx, int dy, uint8_t *to)
{
    for (int y = 0; y < REF_SIDE; y++)
        for (int x = 0; x < REF_SIDE; x++) {
            int i = x - dx, j = y - dy;
            bool is_inside = i >= 0 && j >= 0 && i < REF_SIDE && j < REF_SIDE;
            to[y * REF_SIDE + x] = is_inside ? from[j * REF_SIDE + i] : 0;
        }
}

static void detect(struct ref_problem *p, struct rng *rng, int64_t image, int64_t category,
                   const uint8_t *mask)
{
    size_t i = p->n_detections++;
    p->detections[i] = (struct ref_detection){
        .image = image, .category = category, .score = below(rng, 20) / 20.0};
    if (mask)
        move(mask, below(rng, 3) * (1 - below(rng, 2)), below(rng, 3), p->detection_masks[i]);
    else
        draw(rng, p->detection_masks[i]);
}

void mask_problem_make(uint32_t seed, struct ref_problem *p)
{
    static const double areas[] = {1024, 9216, 1025, 0, 20000};
    struct rng rng;
    memset(p, 0, sizeof *p);
    p->has_masks = true;
    rng_start(&rng, 78, RNG_TEST, seed);
    p->n_images = 1 + rng_below(&rng, 4);
    p->n_categories = 1 + rng_below(&rng, 3);
    for (size_t i = 0; i < p->n_images; i++) p->images[i] = (int64_t)(7 * i + 1);
    for (size_t k = 0; k < p->n_categories; k++) p->categories[k] = (int64_t)(2 * k + 1);
    size_t n_objects = rng_below(&rng, 24);
    for (size_t g = 0; g < n_objects; g++) {
        struct ref_object *object = &p->objects[p->n_objects++];
        object->id = (int64_t)(500 - g);
        object->image = p->images[rng_below(&rng, (uint32_t)p->n_images)];
        object->category = p->categories[rng_below(&rng, (uint32_t)p->n_categories)];
        object->is_crowd = rng_below(&rng, 6) == 0;
        if (g > 0 && rng_below(&rng, 6) == 0)
            memcpy(p->object_masks[g], p->object_masks[g - 1], REF_PIXELS);
        else
            draw(&rng, p->object_masks[g]);
        for (int i = 0; i < REF_PIXELS; i++) object->area += p->object_masks[g][i];
        if (rng_below(&rng, 3) == 0) object->area = areas[rng_below(&rng, 5)];
        for (int n = below(&rng, 4); n > 0; n--)
            detect(p, &rng, object->image, object->category, p->object_masks[g]);
    }
    size_t n_loose = seed % 50 == 3 ? 300 : rng_below(&rng, 20); // over the limit of 100 a cell
    for (size_t i = 0; i < n_loose; i++)
        detect(p, &rng, p->images[rng_below(&rng, (uint32_t)p->n_images)],
               p->categories[rng_below(&rng, (uint32_t)p->n_categories)], NULL);
}

static void write_mask(FILE *f, const uint8_t *mask, bool is_text)
{
    struct rle rle = {0};
    cr_assert_eq(rle_encode(mask, REF_SIDE, REF_SIDE, &rle), OK);
    fprintf(f, "{\"size\":[%d,%d],\"counts\":", REF_SIDE, REF_SIDE);
    if (is_text) {
        char *text;
        cr_assert_eq(rle_to_text(&rle, &text, NULL), OK);
        fputc('"', f);
        for (const char *c = text; *c; c++) fprintf(f, *c == '\\' ? "\\\\" : "%c", *c);
        fputc('"', f);
        mem_free(text);
    } else {
        for (size_t i = 0; i < rle.n; i++) fprintf(f, "%c%u", i ? ',' : '[', rle.counts[i]);
        fputc(']', f);
    }
    fputc('}', f);
    rle_free(&rle);
}

static void write_truth(const struct ref_problem *p, FILE *f)
{
    fputs("{\"images\":[", f);
    for (size_t i = 0; i < p->n_images; i++)
        fprintf(f, "%s{\"id\":%lld,\"height\":%d,\"width\":%d}", i ? "," : "",
                (long long)p->images[i], REF_SIDE, REF_SIDE);
    fputs("],\"categories\":[", f);
    for (size_t k = 0; k < p->n_categories; k++)
        fprintf(f, "%s{\"id\":%lld,\"name\":\"\"}", k ? "," : "", (long long)p->categories[k]);
    fputs("],\"annotations\":[", f);
    for (size_t g = 0; g < p->n_objects; g++) {
        const struct ref_object *o = &p->objects[g];
        fprintf(f, "%s{\"id\":%lld,\"image_id\":%lld,\"category_id\":%lld,\"area\":%.17g,",
                g ? ",\n" : "", (long long)o->id, (long long)o->image, (long long)o->category,
                o->area);
        fprintf(f, "\"iscrowd\":%d,\"segmentation\":", o->is_crowd);
        write_mask(f, p->object_masks[g], g % 2);
        fputc('}', f);
    }
    fputs("]}\n", f);
}

static void write_results(const struct ref_problem *p, FILE *f)
{
    fputc('[', f);
    for (size_t i = 0; i < p->n_detections; i++) {
        const struct ref_detection *d = &p->detections[i];
        fprintf(f, "%s{\"image_id\":%lld,\"category_id\":%lld,\"score\":%.17g,", i ? ",\n" : "",
                (long long)d->image, (long long)d->category, d->score);
        if (i % 5 == 0) fputs("\"bbox\":[0,0,1,1],", f); // is not looked at
        fputs("\"segmentation\":", f);
        write_mask(f, p->detection_masks[i], i % 3);
        fputc('}', f);
    }
    fputs("]\n", f);
}

static void write_file(const struct ref_problem *p, const char *path,
                       void (*write)(const struct ref_problem *, FILE *))
{
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    write(p, f);
    cr_assert_eq(fclose(f), 0);
}

void mask_problem_load(const struct ref_problem *p, const char *name, struct eval_truth **truth,
                       struct eval_results *results)
{
    char file[64], path[PATH_BYTES];
    snprintf(file, sizeof file, "eval_%s.mask_truth.json", name);
    write_file(p, scratch_path(path, file), write_truth);
    cr_assert_eq(eval_truth_open(path, EVAL_MASKS, truth), OK, "%s", fail_message());
    snprintf(file, sizeof file, "eval_%s.mask_results.json", name);
    write_file(p, scratch_path(path, file), write_results);
    cr_assert_eq(eval_results_open(path, *truth, EVAL_MASKS, results), OK, "%s", fail_message());
    cr_assert_eq(results->n, p->n_detections);
}

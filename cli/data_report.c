#include "cli/data_report.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "detect/anchor_coverage.h"
#include "coco/image.h"
#include "train/loader_config.h"

enum { BINS_PER_OCTAVE = 4 };

double data_report_side(int bin)
{
    return pow(2.0, (double)bin / BINS_PER_OCTAVE);
}

// The box as training sees it, in pixels of the image; its size.
static void clamp_box(const struct survey *survey, const struct survey_object *object,
                      double box[4], int *width, int *height)
{
    const struct survey_image *image = &survey->images[object->image];
    *width = image->width ? image->width : image->entry.width;
    *height = image->height ? image->height : image->entry.height;
    for (int i = 0; i < 4; i++) {
        double limit = i % 2 ? *height : *width, edge = (double)object->object.box[i];
        box[i] = fmin(fmax(edge, 0), limit > 0 ? limit : HUGE_VAL);
    }
}

static void count_size(struct data_report *report, const struct survey_object *object)
{
    double area = object->object.area;
    int bin = area > 1 ? (int)(BINS_PER_OCTAVE * log2(sqrt(area))) : 0;
    report->sides[bin < SIDE_BINS ? bin : SIDE_BINS - 1]++;
    if (area < 32 * 32)
        report->small++;
    else if (area < 96 * 96)
        report->medium++;
    else
        report->large++;
}

static void count_coverage(struct anchor_report *report, const struct anchor_set *set,
                           const double box[4], int width, int height)
{
    double best = anchor_set_best(set, box, width, height);
    int bin = (int)(best * IOU_BINS);
    report->bins[bin < IOU_BINS ? bin : IOU_BINS - 1]++;
    report->below_good += best < report->good;
    report->below_poor += best < report->poor;
    report->mean += best;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void count_images(const struct survey *survey, struct data_report *report)
{
    for (size_t i = 0; i < survey->n_images; i++)
        if (survey->images[i].n_valid > report->most_objects)
            report->most_objects = survey->images[i].n_valid;
    report->count_step = report->most_objects / COUNT_BINS + 1;
    for (size_t i = 0; i < survey->n_images; i++)
        report->counts[survey->images[i].n_valid / report->count_step]++;
}

enum status data_report_make(const struct survey *survey, const struct config *config,
                             struct data_report *report)
{
    struct data_report r = {.min_size = loader_config_min_size(config),
                            .max_size = (int)config->data.max_size};
    struct anchor_set sets[ANCHOR_SETS];
    int sizes[RPN_LEVELS];
    size_t n_covered = 0;
    double *sides = (double *)mem_alloc(survey->n_known, sizeof *sides);
    if (!sides) return ERR_MEMORY;
    for (int i = 0; i < RPN_LEVELS; i++) sizes[i] = (int)config->rpn.anchor_sizes.v[i];
    anchor_set_retinanet(&sets[0]);
    anchor_set_rpn(sizes, &sets[1]);
    r.anchors[0] = (struct anchor_report){.name = "RetinaNet",
                                          .section = "retinanet",
                                          .good = config->retinanet.match_high,
                                          .poor = config->retinanet.match_low};
    r.anchors[1] = (struct anchor_report){.name = "Faster and Mask R-CNN",
                                          .section = "rpn",
                                          .good = config->rpn.match_high,
                                          .poor = config->rpn.match_low};
    for (size_t i = 0; i < survey->n_known; i++) {
        const struct survey_object *object = &survey->objects[i];
        double box[4];
        int width, height, new_width, new_height;
        if (!object->is_valid) continue;
        r.n_objects++;
        count_size(&r, object);
        clamp_box(survey, object, box, &width, &height);
        if (width < 1 || height < 1) continue; // the image is missing and the file tells no size
        resize_target(width, height, r.min_size, r.max_size, &new_width, &new_height);
        for (int k = 0; k < 4; k++)
            box[k] *= k % 2 ? (double)new_height / height : (double)new_width / width;
        sides[n_covered++] = sqrt((box[2] - box[0]) * (box[3] - box[1]));
        for (int k = 0; k < ANCHOR_SETS; k++)
            count_coverage(&r.anchors[k], &sets[k], box, new_width, new_height);
    }
    if (n_covered) {
        qsort(sides, n_covered, sizeof *sides, by_value);
        r.resized_median = sides[n_covered / 2];
        for (int k = 0; k < ANCHOR_SETS; k++) r.anchors[k].mean /= (double)n_covered;
    }
    count_images(survey, &r);
    mem_free(sides);
    *report = r;
    return OK;
}

#include <inttypes.h>
#include <stdio.h>

#include "cli/data_report.h"
#include "cli/text_table.h"

static double percent(size_t part, size_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_classes(const struct survey *survey, const struct data_report *report)
{
    static const struct text_column columns[] = {{"class", 28, false},
                                                 {"id", 8, true},
                                                 {"objects", 10, true},
                                                 {"share", 7, true},
                                                 {"images", 9, true}};
    enum { N = sizeof columns / sizeof *columns };
    text_table_head(stdout, columns, N);
    for (size_t i = 0; i < survey->n_categories; i++) {
        const struct coco_category *category = &survey->categories[i];
        char cells[4][32];
        const char *row[N] = {category->name, cells[0], cells[1], cells[2], cells[3]};
        snprintf(cells[0], sizeof *cells, "%" PRId64, category->id);
        snprintf(cells[1], sizeof *cells, "%" PRId64, category->n_objects);
        snprintf(cells[2], sizeof *cells, "%.1f%%",
                 percent((size_t)category->n_objects, report->n_objects));
        snprintf(cells[3], sizeof *cells, "%zu", survey->category_images[i]);
        text_table_row(stdout, columns, N, row);
    }
}

static void print_numbers(const struct survey *survey, const struct data_report *r)
{
    size_t n = r->n_objects, n_crowds = survey->defects.counts[DEFECT_KIND_CROWD];
    printf(
        "\n%zu images, %zu objects for training, %zu crowds, %zu annotations in all, %zu of them "
        "with masks\n",
        survey->n_images, n, n_crowds, survey->n_objects, survey->n_masks);
    printf("objects: %zu small (%.1f%%), %zu medium (%.1f%%), %zu large (%.1f%%); in one image at "
           "most %zu\n",
           r->small, percent(r->small, n), r->medium, percent(r->medium, n), r->large,
           percent(r->large, n), r->most_objects);
    printf("resized to a short side of %d, at most %d: half of the objects have a side (root of "
           "their area) below %.1f pixels\n",
           r->min_size, r->max_size, r->resized_median);
    for (int i = 0; i < ANCHOR_SETS; i++) {
        const struct anchor_report *a = &r->anchors[i];
        printf(
            "anchors of %s: best IoU %.2f on average; below %.2g for %zu objects (%.1f%%), below "
            "%.2g for %zu (%.1f%%)\n",
            a->name, a->mean, a->good, a->below_good, percent(a->below_good, n), a->poor,
            a->below_poor, percent(a->below_poor, n));
    }
}

static void print_finding(const struct defect *defect)
{
    printf("    ");
    if (defect->has_image) printf("image %" PRId64 ", ", defect->image_id);
    if (defect->has_annotation) printf("annotation %" PRId64 ", ", defect->annotation_id);
    printf("%s\n", defect->text);
}

static void print_findings(const struct defects *defects, size_t most)
{
    static const char *const severities[] = {[DEFECT_NOTE] = "note",
                                             [DEFECT_DROPPED] = "left out of training",
                                             [DEFECT_MASKS] = "training with masks refuses this",
                                             [DEFECT_REFUSED] = "training refuses this"};
    for (size_t i = 0; i < defects->n;) {
        enum defect_kind kind = defects->list[i].kind;
        const struct defect_info *info = &defect_infos[kind];
        size_t n = defects->counts[kind], shown = most && n > most ? most : n;
        printf("\n%s: %zu %s [%s]\n", info->name, n, info->explanation, severities[info->severity]);
        for (size_t k = 0; k < shown; k++) print_finding(&defects->list[i + k]);
        if (shown < n) printf("    and %zu more\n", n - shown);
        i += n;
    }
}

void data_report_print(const struct survey *survey, const struct data_report *report, size_t most)
{
    print_classes(survey, report);
    print_numbers(survey, report);
    print_findings(&survey->defects, most);
}

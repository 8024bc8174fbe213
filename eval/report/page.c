#include "eval/report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/report/html.h"
#include "version.h"

const unsigned page_kind_colors[TIDE_NOT_COUNTED + 1] = {
    [TIDE_CLASSIFICATION] = 0xA96BFF, [TIDE_LOCALISATION] = 0xFFB020, [TIDE_BOTH] = 0xC98A5A,
    [TIDE_DUPLICATE] = 0x2BA8F5,      [TIDE_BACKGROUND] = 0xFF4D5E,   [TIDE_MISSED] = 0xFF4FA8,
    [TIDE_CORRECT] = 0x35C27A,        [TIDE_NOT_COUNTED] = 0x98A2B3,
};

const char *page_class_name(const struct page *page, size_t category, char buffer[PAGE_NAME_BYTES])
{
    const struct truth_category *entry = &page->truth->categories[category];
    if (!page->evaluation->params.use_categories) return "all categories as one";
    if (entry->name[0]) return entry->name;
    snprintf(buffer, PAGE_NAME_BYTES, "%lld", (long long)entry->id);
    return buffer;
}

int64_t page_n_objects(const struct page *page, size_t category)
{
    return page->curves[category].n_objects;
}

void page_number(FILE *stream, double value)
{
    if (value < 0)
        fputs("\xE2\x80\x93", stream);
    else
        fprintf(stream, "%.3f", value);
}

// AP's limit, as eval/summarize.h chooses it.
static size_t limit_index(const struct eval_params *params)
{
    for (int m = 0; m < params->n_limits; m++)
        if (params->limits[m] == 100) return (size_t)m;
    return (size_t)params->n_limits - 1;
}

static double mean(const double *values, const struct eval_tensors *t, size_t n_recalls,
                   const struct eval_params *params, int threshold, size_t category, int area)
{
    double sum = 0;
    size_t n = 0, limit = limit_index(params);
    size_t first = category == CURVE_ALL ? 0 : category;
    size_t end = category == CURVE_ALL ? t->n_categories : category + 1;
    for (size_t i = 0; i < t->n_thresholds; i++) {
        if (threshold >= 0 && i != (size_t)threshold) continue;
        for (size_t r = 0; r < n_recalls; r++)
            for (size_t k = first; k < end; k++) {
                size_t row = ((i * n_recalls + r) * t->n_categories + k) * t->n_areas;
                double value = values[(row + (size_t)area) * t->n_limits + limit];
                if (value < 0) continue;
                sum += value;
                n++;
            }
    }
    return n ? sum / (double)n : -1;
}

double page_ap(const struct page *page, int threshold, size_t category, int area)
{
    const struct eval_tensors *tensors = &page->evaluation->tensors;
    return mean(tensors->precision, tensors, EVAL_RECALLS, &page->evaluation->params, threshold,
                category, area);
}

double page_ar(const struct page *page, size_t category, int area)
{
    const struct eval_tensors *tensors = &page->evaluation->tensors;
    return mean(tensors->recall, tensors, 1, &page->evaluation->params, -1, category, area);
}

struct counted {
    int64_t n_objects;
    size_t category;
};

static int by_objects(const void *left, const void *right)
{
    const struct counted *a = left, *b = right;
    if (a->n_objects != b->n_objects) return a->n_objects > b->n_objects ? -1 : 1;
    return a->category < b->category ? -1 : a->category > b->category;
}

static int ascending(const void *left, const void *right)
{
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    return a < b ? -1 : a > b;
}

// Categories that occur, those with the most objects when there are too many to show.
static enum status choose_shown(struct page *page)
{
    struct counted *counted = mem_alloc(page->n_categories, sizeof *counted);
    page->shown = mem_alloc(page->n_categories, sizeof *page->shown);
    size_t n = 0;
    if (!counted || !page->shown) {
        mem_free(counted);
        return ERR_MEMORY;
    }
    for (size_t k = 0; k < page->n_categories; k++)
        if (page->curves[k].n_objects > 0 || page->curves[k].n > 0)
            counted[n++] = (struct counted){page->curves[k].n_objects, k};
    qsort(counted, n, sizeof *counted, by_objects);
    page->n_shown = n < REPORT_SHOWN_CLASSES ? n : REPORT_SHOWN_CLASSES;
    for (size_t i = 0; i < page->n_shown; i++) page->shown[i] = counted[i].category;
    qsort(page->shown, page->n_shown, sizeof *page->shown, ascending);
    mem_free(counted);
    return OK;
}

static enum status make_curves(struct page *page)
{
    const struct evaluation *e = page->evaluation;
    for (int t = e->params.n_thresholds; t-- > 0;)
        if (e->params.thresholds[t] == 0.5) page->threshold = t;
    TRY(score_curve_make(page->truth, &e->cells, &e->matches, &e->params, CURVE_ALL,
                         page->threshold, &page->all));
    page->curves = mem_alloc(e->cells.n_categories, sizeof *page->curves);
    if (!page->curves) return ERR_MEMORY;
    page->n_categories = e->cells.n_categories;
    for (size_t k = 0; k < page->n_categories; k++)
        TRY(score_curve_make(page->truth, &e->cells, &e->matches, &e->params, k, page->threshold,
                             &page->curves[k]));
    page->score_high = 1;
    if (page->all.n > 0) {
        page->score = page->all.points[page->all.best].score;
        page->score_low = fmin(0, page->all.points[page->all.n - 1].score);
        page->score_high = fmax(1, page->all.points[0].score);
    }
    return OK;
}

static enum status prepare(struct page *page)
{
    const struct evaluation *e = page->evaluation;
    int n_worst = page->options->n_worst > 0 ? page->options->n_worst : REPORT_WORST;
    TRY(overlaps_find(page->truth, page->detections, &e->cells, &e->params, &page->overlaps));
    TRY(make_curves(page));
    TRY(choose_shown(page));
    TRY(confusion_make(page->truth, &e->cells, &page->overlaps, &e->params,
                       e->params.thresholds[page->threshold], page->score, &page->confusion));
    TRY(tide_run(page->truth, &e->cells, &page->overlaps, &e->params, &page->tide));
    return worst_choose(page->truth, &e->cells, &page->overlaps, &e->params, &page->tide,
                        page->score, (size_t)n_worst, &page->worst, &page->n_worst);
}

static void page_free(struct page *page)
{
    overlaps_free(&page->overlaps);
    score_curve_free(&page->all);
    for (size_t k = 0; k < page->n_categories; k++) score_curve_free(&page->curves[k]);
    mem_free(page->curves);
    mem_free(page->shown);
    confusion_free(&page->confusion);
    tide_free(&page->tide);
    mem_free(page->worst);
}

static void write_head(const struct page *page)
{
    FILE *f = page->stream;
    const struct evaluation *e = page->evaluation;
    const char *subject = path_base(page->options->subject);
    int64_t n_objects = 0;
    for (size_t i = 0; i < page->truth->n_objects; i++)
        n_objects += !page->truth->objects[i].is_crowd;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>",
          f);
    html_text(f, subject);
    fputs(" \xC2\xB7 tarn eval</title>\n<style>\n", f);
    fwrite(report_css, 1, report_css_bytes, f);
    fputs("</style>\n</head>\n<body>\n<header class=\"top\"><div class=\"wrap\">\n"
          "<div class=\"title\"><p class=\"eyebrow\">tarn eval \xC2\xB7 ",
          f);
    fputs(e->params.type == EVAL_MASKS ? "masks" : "boxes", f);
    fputs("</p><h1>", f);
    html_text(f, subject);
    fputs("</h1><p class=\"meta\">against <b>", f);
    html_text(f, path_base(page->truth->path));
    fprintf(f,
            "</b></p></div>\n<ul class=\"facts\"><li><b>%zu</b> images</li><li><b>%zu</b> "
            "classes</li><li><b>%lld</b> objects</li><li><b>%zu</b> detections</li></ul>\n"
            "<button type=\"button\" id=\"theme\" hidden=\"hidden\" aria-label=\"Switch between "
            "light and dark\" title=\"Light or dark\"></button>\n</div></header>\n",
            page->truth->n_images, page->truth->n_categories, (long long)n_objects,
            e->cells.n_detections);
    fputs("<nav aria-label=\"Sections\"><div class=\"wrap\"><a href=\"#numbers\">Numbers</a>"
          "<a href=\"#curves\">Curves</a><a href=\"#sizes\">Sizes</a>",
          f);
    if (e->result.n_classes) fputs("<a href=\"#classes\">Classes</a>", f);
    fputs("<a href=\"#errors\">Errors</a><a href=\"#confusion\">Confusion</a>"
          "<a href=\"#images\">Worst images</a></div></nav>\n<main class=\"wrap\">\n",
          f);
}

static void write_foot(const struct page *page)
{
    FILE *f = page->stream;
    fprintf(f, "</main>\n<footer class=\"wrap\"><p>Written by tarn %s. AP and AR are COCO's: ",
            TARN_VERSION);
    const struct eval_params *params = &page->evaluation->params;
    fprintf(f, "IoU %.2f", params->thresholds[0]);
    if (params->n_thresholds > 1)
        fprintf(f, " to %.2f (%d thresholds)", params->thresholds[params->n_thresholds - 1],
                params->n_thresholds);
    fprintf(f, ", 101 recalls, at most %d detections an image and class%s. ",
            params->limits[params->n_limits - 1],
            params->use_categories ? "" : ", all classes taken as one");
    fputs("Ground truth: <span class=\"path\">", f);
    html_text(f, page->truth->path);
    fputs("</span>; detections: <span class=\"path\">", f);
    html_text(f, page->options->subject);
    fputs("</span>.</p></footer>\n<div id=\"tip\" role=\"status\" hidden=\"hidden\"></div>\n", f);
    section_curve_data(page);
    fputs("<script>\n", f);
    fwrite(report_js, 1, report_js_bytes, f);
    fputs("</script>\n</body>\n</html>\n", f);
}

enum status report_write(const char *path, const struct eval_truth *truth,
                         const struct eval_detection *detections,
                         const struct evaluation *evaluation, const struct report_options *options)
{
    struct page page = {
        .truth = truth, .detections = detections, .evaluation = evaluation, .options = options};
    struct file_writer writer = {.stream = NULL};
    enum status status = OK;
    GUARD(prepare(&page));
    GUARD(file_writer_begin(&writer, path));
    page.stream = writer.stream;
    write_head(&page);
    section_numbers(&page);
    section_curves(&page);
    section_sizes(&page);
    section_classes(&page);
    section_errors(&page);
    GUARD(section_confusion(&page));
    GUARD(section_images(&page));
    write_foot(&page);
    GUARD(file_writer_commit(&writer));
done:
    if (status != OK) file_writer_abort(&writer);
    page_free(&page);
    return status;
}

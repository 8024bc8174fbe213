#include <string.h>

#include "eval/report/html.h"
#include "eval/report/page.h"
#include "eval/report/plot.h"

enum { N_BINS = 150, N_BINS_CLASS = 60 };

static const struct plot pr_plot = {
    "pr", "Precision against recall", "One line for each IoU threshold.", "recall", "precision", 0,
    1};

static struct plot score_plot(const struct page *page)
{
    return (struct plot){"f1",
                         "Precision, recall and F1 against the score threshold",
                         "Of all detections that score at least the threshold.",
                         "score threshold",
                         "precision, recall, F1",
                         page->score_low,
                         page->score_high};
}

// Precision at the recalls, at one IoU threshold; the mean over categories that have objects.
static void write_pr_path(const struct page *page, size_t category, int threshold)
{
    const struct eval_tensors *t = &page->evaluation->tensors;
    struct plot_path path = {0};
    size_t first = category == CURVE_ALL ? 0 : category;
    size_t end = category == CURVE_ALL ? t->n_categories : category + 1;
    for (size_t r = 0; r < EVAL_RECALLS; r++) {
        double sum = 0;
        size_t n = 0;
        for (size_t k = first; k < end; k++) {
            size_t row = ((size_t)threshold * EVAL_RECALLS + r) * t->n_categories + k;
            double value = t->precision[row * t->n_areas * t->n_limits + t->n_limits - 1];
            if (value < 0) continue;
            sum += value;
            n++;
        }
        if (n)
            plot_path_add(page->stream, &path,
                          plot_x(&pr_plot, page->evaluation->params.recalls[r]),
                          plot_y(sum / (double)n));
    }
    plot_path_end(page->stream, &path);
}

typedef double curve_value(const struct score_curve *curve, size_t i);
static curve_value *const values[3] = {curve_precision, curve_recall, curve_f1};
static const char *const value_names[3] = {"precision", "recall", "F1"};

static void write_score_path(const struct page *page, const struct score_curve *curve,
                             curve_value *value, size_t n_bins)
{
    size_t chosen[N_BINS + 2];
    struct plot plot = score_plot(page);
    struct plot_path path = {0};
    size_t n = score_curve_thin(curve, plot.x_low, plot.x_high, n_bins, chosen);
    for (size_t i = 0; i < n; i++)
        plot_path_add(page->stream, &path, plot_x(&plot, curve->points[chosen[i]].score),
                      plot_y(value(curve, chosen[i])));
    plot_path_end(page->stream, &path);
}

// Hue from violet (the lowest threshold) to orange (the highest).
static int hue(int t, int n)
{
    return n > 1 ? 265 + (int)(125.0 * t / (n - 1)) : 265;
}

static void write_pr(const struct page *page)
{
    FILE *f = page->stream;
    const struct eval_params *params = &page->evaluation->params;
    int n = params->n_thresholds;
    fputs("<figure class=\"card\"><figcaption><h3>Precision and recall</h3><p>Precision, made "
          "monotone as COCO does, at 101 recalls: the area under a line is AP at its IoU "
          "threshold. <span class=\"who\" data-all=\"Mean over the classes.\">Mean over the "
          "classes.</span></p></figcaption>\n",
          f);
    plot_begin(f, &pr_plot);
    for (int t = 0; t < n; t++) {
        fprintf(f, "<path class=\"line iou\" data-name=\"IoU %.2f\" style=\"--h:%d\" d=\"",
                params->thresholds[t], hue(t, n));
        write_pr_path(page, CURVE_ALL, t);
        fputs("\"/>\n", f);
    }
    plot_end(f);
    fputs("<ul class=\"legend\">", f);
    for (int t = 0; t < n; t++) {
        fprintf(f, "<li style=\"--h:%d\"><i class=\"iou\"></i>%.2f <b>", hue(t, n),
                params->thresholds[t]);
        page_number(f, page_ap(page, t, CURVE_ALL, 0));
        fputs("</b></li>", f);
    }
    fputs("</ul></figure>\n", f);
}

static void write_best(const struct page *page)
{
    const struct score_curve *curve = &page->all;
    if (curve->n == 0) {
        fputs("No detections.", page->stream);
        return;
    }
    fprintf(page->stream,
            "Best F1 <b>%.3f</b> at score <b>%.3g</b>: precision <b>%.3f</b>, recall <b>%.3f</b>.",
            curve_f1(curve, curve->best), page->score, curve_precision(curve, curve->best),
            curve_recall(curve, curve->best));
}

static void write_scores(const struct page *page)
{
    FILE *f = page->stream;
    const struct score_curve *curve = &page->all;
    struct plot plot = score_plot(page);
    fputs("<figure class=\"card\"><figcaption><h3>Choosing a score threshold</h3><p>Plain counts "
          "of true and false positives at IoU ",
          f);
    fprintf(f, "%.2f, not the monotone curve. ",
            page->evaluation->params.thresholds[page->threshold]);
    fputs("<span class=\"who\" data-all=\"Counts summed over all classes.\">Counts summed over all "
          "classes.</span></p></figcaption>\n",
          f);
    plot_begin(f, &plot);
    for (int i = 0; i < 3; i++) {
        fprintf(f, "<path class=\"line s%d\" data-name=\"%s\" d=\"", i, value_names[i]);
        write_score_path(page, curve, values[i], N_BINS);
        fputs("\"/>\n", f);
    }
    if (curve->n)
        fprintf(f,
                "<g id=\"best\" transform=\"translate(%d 0)\"><path d=\"M0 %dV%d\"/>"
                "<circle cy=\"%d\" r=\"10\"/></g>\n",
                plot_x(&plot, page->score), PLOT_TOP, PLOT_BOTTOM,
                plot_y(curve_f1(curve, curve->best)));
    plot_end(f);
    fputs("<ul class=\"legend\"><li><i class=\"s0\"></i>precision</li><li><i class=\"s1\"></i>"
          "recall</li><li><i class=\"s2\"></i>F1</li></ul><p class=\"best\" id=\"best-text\">",
          f);
    write_best(page);
    fputs("</p></figure>\n", f);
}

void section_curves(const struct page *page)
{
    FILE *f = page->stream;
    fputs("<section id=\"curves\"><div class=\"head\"><h2>Curves</h2>\n", f);
    if (page->n_shown > 1) {
        char buffer[PAGE_NAME_BYTES];
        fputs("<label class=\"pick\" hidden=\"hidden\">Class <select id=\"class-pick\"><option "
              "value=\"0\">all classes</option>",
              f);
        for (size_t i = 0; i < page->n_shown; i++) {
            fprintf(f, "<option value=\"%zu\">", i + 1);
            html_text_cut(f, page_class_name(page, page->shown[i], buffer), 60);
            fputs("</option>", f);
        }
        fputs("</select></label>", f);
    }
    fputs("</div>\n<div class=\"two\">\n", f);
    write_pr(page);
    write_scores(page);
    fputs("</div></section>\n", f);
}

static void write_class_data(const struct page *page, size_t category)
{
    FILE *f = page->stream;
    const struct eval_params *params = &page->evaluation->params;
    const struct score_curve *curve = &page->curves[category];
    struct plot plot = score_plot(page);
    char buffer[PAGE_NAME_BYTES];
    fputs("{\"name\":", f);
    html_json(f, page_class_name(page, category, buffer));
    fputs(",\"pr\":[", f);
    for (int t = 0; t < params->n_thresholds; t++) {
        fputs(t ? ",\"" : "\"", f);
        write_pr_path(page, category, t);
        putc('"', f);
    }
    fputs("],\"ap\":[", f);
    for (int t = 0; t < params->n_thresholds; t++)
        fprintf(f, "%s%.3f", t ? "," : "", page_ap(page, t, category, 0));
    fputs("],\"f1\":[", f);
    for (int i = 0; i < 3; i++) {
        fputs(i ? ",\"" : "\"", f);
        write_score_path(page, curve, values[i], N_BINS_CLASS);
        putc('"', f);
    }
    putc(']', f);
    if (curve->n)
        fprintf(f, ",\"best\":[%d,%d],\"numbers\":[\"%.3f\",\"%.3g\",\"%.3f\",\"%.3f\"]",
                plot_x(&plot, curve->points[curve->best].score),
                plot_y(curve_f1(curve, curve->best)), curve_f1(curve, curve->best),
                curve->points[curve->best].score, curve_precision(curve, curve->best),
                curve_recall(curve, curve->best));
    fputs("}", f);
}

void section_curve_data(const struct page *page)
{
    fputs("<script type=\"application/json\" id=\"class-data\">[", page->stream);
    for (size_t i = 0; page->n_shown > 1 && i < page->n_shown; i++) {
        fputs(i ? ",\n" : "\n", page->stream);
        write_class_data(page, page->shown[i]);
    }
    fputs("]</script>\n", page->stream);
}

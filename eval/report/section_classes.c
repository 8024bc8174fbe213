#include <stdbool.h>

#include "eval/report/html.h"
#include "eval/report/page.h"

static void write_cell(FILE *f, double value, bool has_bar)
{
    fprintf(f, "<td class=\"n%s\" data-v=\"%.6g\">", has_bar ? " b" : "", value);
    if (has_bar) fprintf(f, "<i style=\"--p:%.1f%%\"></i>", value > 0 ? value * 100 : 0);
    page_number(f, value);
    fputs("</td>", f);
}

static void write_row(const struct page *page, size_t k)
{
    static const int shown[] = {0, 1, 2, 3, 4, 5, 8};
    FILE *f = page->stream;
    const struct eval_class *class = &page->evaluation->result.classes[k];
    const struct score_curve *curve = &page->curves[k];
    bool is_defined = curve->n > 0 && curve->n_objects > 0;
    char buffer[PAGE_NAME_BYTES];
    fputs("<tr><th scope=\"row\">", f);
    html_text_cut(f, page_class_name(page, k, buffer), 80);
    fprintf(
        f,
        "</th><td class=\"n\" data-v=\"%lld\">%lld</td><td class=\"n\" data-v=\"%lld\">%lld</td>",
        (long long)class->n_objects, (long long)class->n_objects, (long long)class->n_detections,
        (long long)class->n_detections);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        write_cell(f, class->stats[shown[i]], i == 0);
    write_cell(f, is_defined ? curve_f1(curve, curve->best) : -1, false);
    write_cell(f, is_defined ? curve_precision(curve, curve->best) : -1, false);
    write_cell(f, is_defined ? curve_recall(curve, curve->best) : -1, false);
    write_cell(f, is_defined ? curve->points[curve->best].score : -1, false);
    fputs("</tr>\n", f);
}

void section_classes(const struct page *page)
{
    static const struct {
        const char *name, *title;
    } columns[] = {
        {"class", "Name of the class"},
        {"objects", "Objects, without crowds"},
        {"detections", "Detections of the class"},
        {"AP", "IoU 0.50 to 0.95"},
        {"AP50", "IoU 0.50"},
        {"AP75", "IoU 0.75"},
        {"APs", "Small objects"},
        {"APm", "Medium objects"},
        {"APl", "Large objects"},
        {"AR", "Recall of at most 100 detections an image"},
        {"F1", "Best F1 over score thresholds"},
        {"P", "Precision at the best F1"},
        {"R", "Recall at the best F1"},
        {"score", "Score threshold of the best F1"},
    };
    FILE *f = page->stream;
    const struct eval_result *result = &page->evaluation->result;
    if (result->n_classes == 0) return;
    size_t n_without = 0;
    for (size_t k = 0; k < result->n_classes; k++) n_without += page->curves[k].n_objects == 0;
    fputs("<section id=\"classes\"><div class=\"head\"><h2>Classes</h2>\n", f);
    if (result->n_classes > 12)
        fputs("<label class=\"pick\" hidden=\"hidden\">Find <input id=\"class-find\" "
              "type=\"search\"/></label>",
              f);
    fputs("</div>\n<p class=\"lead\">A click on a heading sorts. F1, P, R and score: the class's "
          "own best F1 from plain counts. A dash: not defined.",
          f);
    if (n_without)
        fprintf(f, " %zu class%s without objects count%s in no mean.", n_without,
                n_without == 1 ? "" : "es", n_without == 1 ? "s" : "");
    fputs("</p>\n<div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of "
          "classes\"><table id=\"class-table\"><thead><tr>",
          f);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        fprintf(f, "<th scope=\"col\"%s title=\"%s\">%s</th>", i ? " class=\"n\"" : "",
                columns[i].title, columns[i].name);
    fputs("</tr></thead><tbody>\n", f);
    for (size_t k = 0; k < result->n_classes; k++) write_row(page, k);
    fputs("</tbody></table></div></section>\n", f);
}

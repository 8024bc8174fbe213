#include "eval/report/html.h"
#include "eval/report/page.h"

static const char *const meanings[TIDE_KINDS] = {
    "on an object of another class (IoU at least 0.5)",
    "on an object of its class, but not well enough (IoU 0.1 to 0.5)",
    "near an object of another class only (IoU 0.1 to 0.5)",
    "on an object that a better detection already has",
    "on nothing (IoU at most 0.1 with any object)",
    "objects that no detection found, not even a wrong one of the first two kinds",
};

static void write_error(FILE *f, const char *name, unsigned color, const char *meaning,
                        int64_t count, double gain, double most)
{
    fprintf(
        f,
        "<div class=\"err\" style=\"--c:#%06x\"><div class=\"en\"><b>%s</b><span>%s</span></div>"
        "<span class=\"track\"><i style=\"width:%.1f%%\"></i></span><b class=\"gain\">+%.3f</b>"
        "<span class=\"count\">%lld</span></div>\n",
        color, name, meaning, most > 0 ? 100 * gain / most : 0, gain, (long long)count);
}

void section_errors(const struct page *page)
{
    FILE *f = page->stream;
    const struct tide *tide = &page->tide;
    double most = tide->gain_false_negatives;
    int worst = 0;
    if (tide->gain_false_positives > most) most = tide->gain_false_positives;
    for (int i = 0; i < TIDE_KINDS; i++) {
        if (tide->gains[i] > most) most = tide->gains[i];
        if (tide->gains[i] > tide->gains[worst]) worst = i;
    }
    fputs("<section id=\"errors\"><h2>What goes wrong</h2>\n", f);
    if (tide->ap < 0) {
        fputs("<p class=\"lead\">There are no objects, so there is no precision to "
              "lose.</p></section>\n",
              f);
        return;
    }
    fprintf(f,
            "<p class=\"lead\">Error kinds of TIDE (Bolya and others, 2020) and what AP at IoU 0.5 "
            "would gain if the errors of one kind alone were made good. AP50 is %.3f here, with "
            "the best %d detections of an image over all classes.",
            tide->ap, TIDE_LIMIT);
    if (tide->gains[worst] > 0)
        fprintf(f, " Most is lost to <b>%s</b> %s.", tide_names[worst],
                worst == TIDE_MISSED ? "objects" : "errors");
    fputs(
        "</p>\n<div class=\"card errs\">\n<div class=\"err ehead\"><span></span><span></span><span "
        "class=\"gain\">gain</span><span class=\"count\">errors</span></div>\n",
        f);
    for (int i = 0; i < TIDE_KINDS; i++)
        write_error(f, tide_names[i], page_kind_colors[i], meanings[i], tide->counts[i],
                    tide->gains[i], most);
    fputs("<p class=\"sep\">All at once</p>\n", f);
    write_error(f, "false positives", 0x7C8798, "every wrong detection dropped",
                tide->n_false_positives, tide->gain_false_positives, most);
    write_error(f, "false negatives", 0x7C8798, "only the objects asked for that were found",
                tide->n_false_negatives, tide->gain_false_negatives, most);
    fputs("<p class=\"note\">Gains do not add up: mending one kind changes what the others cost. A "
          "classification or localisation error is mended by making it right, the best one on "
          "each free object; other false positives are dropped; missed objects are no longer "
          "asked for. Detections on crowds are no errors.</p></div></section>\n",
          f);
}

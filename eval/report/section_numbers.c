#include "eval/report/html.h"
#include "eval/report/page.h"

static void write_tile(FILE *f, const char *name, const char *what, double value, const char *class)
{
    fprintf(f,
            "<li class=\"tile %s\"><span class=\"k\">%s</span><span class=\"v\" title=\"%.17g\">",
            class, name, value);
    page_number(f, value);
    fprintf(f,
            "</span><span class=\"bar\"><i style=\"width:%.1f%%\"></i></span>"
            "<span class=\"w\">%s</span></li>\n",
            value > 0 ? value * 100 : 0, what);
}

void section_numbers(const struct page *page)
{
    static const char *const what[COCO_STATS] = {
        "IoU 0.50 to 0.95", "IoU 0.50",      "IoU 0.75",       "small objects",
        "medium objects",   "large objects", "1 detection",    "10 detections",
        "100 detections",   "small objects", "medium objects", "large objects"};
    FILE *f = page->stream;
    const double *stats = page->evaluation->result.stats;
    fputs("<section id=\"numbers\"><h2>The twelve numbers</h2>\n"
          "<p class=\"lead\">COCO's average precision and average recall, means over the classes "
          "that have objects. A dash: not defined here.</p>\n",
          f);
    for (int half = 0; half < 2; half++) {
        fprintf(f, "<h3 class=\"quiet\">%s</h3><ul class=\"tiles\">\n",
                half ? "Average recall" : "Average precision");
        for (int i = half * COCO_STATS / 2; i < (half + 1) * COCO_STATS / 2; i++)
            write_tile(f, coco_stat_names[i], what[i], stats[i],
                       i == 0 ? "hero"
                       : half ? "ar"
                              : "ap");
        fputs("</ul>\n", f);
    }
    fputs("</section>\n", f);
}

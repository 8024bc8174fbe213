#include "eval/report/html.h"
#include "eval/report/page.h"

static int64_t objects_in(const struct page *page, int area)
{
    const struct eval_params *params = &page->evaluation->params;
    int64_t n = 0;
    for (size_t i = 0; i < page->truth->n_objects; i++)
        n += !match_is_ignored(&page->truth->objects[i], &params->areas[area], params);
    return n;
}

static void write_bar(FILE *f, const char *name, const char *class, double value)
{
    fprintf(f,
            "<div class=\"hbar %s\"><span>%s</span><span class=\"track\"><i style=\"width:%.1f%%"
            "\"></i></span><b>",
            class, name, value > 0 ? value * 100 : 0);
    page_number(f, value);
    fputs("</b></div>\n", f);
}

static void write_range(FILE *f, const struct eval_area *area)
{
    if (area->low <= 0 && area->high >= 1e10)
        fputs("any size", f);
    else if (area->low <= 0)
        fprintf(f, "up to %g px\xC2\xB2", area->high);
    else if (area->high >= 1e10)
        fprintf(f, "from %g px\xC2\xB2", area->low);
    else
        fprintf(f, "%g to %g px\xC2\xB2", area->low, area->high);
}

void section_sizes(const struct page *page)
{
    FILE *f = page->stream;
    const struct eval_params *params = &page->evaluation->params;
    int at_75 = -1;
    for (int t = 0; t < params->n_thresholds; t++)
        if (params->thresholds[t] == 0.75) at_75 = t;
    fputs("<section id=\"sizes\"><h2>By size of the objects</h2>\n<p class=\"lead\">By the area "
          "that the annotation file gives; limits belong to both neighbours. AR: recall of at "
          "most ",
          f);
    fprintf(f, "%d detections an image and class.</p>\n<div class=\"sizes\">\n",
            params->limits[params->n_limits - 1]);
    for (int a = 0; a < params->n_areas; a++) {
        fputs("<div class=\"card size\"><h3>", f);
        html_text(f, params->areas[a].label);
        fputs("</h3><p>", f);
        write_range(f, &params->areas[a]);
        fprintf(f, " \xC2\xB7 %lld objects</p>\n", (long long)objects_in(page, a));
        write_bar(f, "AP", "ap", page_ap(page, -1, CURVE_ALL, a));
        if (params->thresholds[page->threshold] == 0.5)
            write_bar(f, "AP50", "ap", page_ap(page, page->threshold, CURVE_ALL, a));
        if (at_75 >= 0) write_bar(f, "AP75", "ap", page_ap(page, at_75, CURVE_ALL, a));
        write_bar(f, "AR", "ar", page_ar(page, CURVE_ALL, a));
        fputs("</div>\n", f);
    }
    fputs("</div></section>\n", f);
}

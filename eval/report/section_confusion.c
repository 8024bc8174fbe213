#include <stdlib.h>

#include "base/mem.h"
#include "eval/report/html.h"
#include "eval/report/page.h"

enum { SMALL = 12, WIDE = 40, N_LISTED = 10 };

// The matrix as it is shown: classes that occur, then those that had no place, then background.
struct matrix {
    const struct page *page;
    size_t n; // rows and columns
    bool has_others;
    int64_t *counts; // (n, n)
    int64_t *sums;   // (n) of rows
};

static bool is_shown(const struct page *page, uint32_t category, size_t *place)
{
    size_t low = 0, high = page->n_shown;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (page->shown[middle] < category)
            low = middle + 1;
        else
            high = middle;
    }
    *place = low;
    return low < page->n_shown && page->shown[low] == category;
}

static size_t place_of(const struct matrix *m, uint32_t category)
{
    size_t place;
    if (category == CONFUSION_BACKGROUND) return m->n - 1;
    return is_shown(m->page, category, &place) ? place : m->n - 2;
}

static const char *place_name(const struct matrix *m, size_t place, char buffer[PAGE_NAME_BYTES])
{
    if (place == m->n - 1) return "background";
    if (m->has_others && place == m->n - 2) return "other classes";
    return page_class_name(m->page, m->page->shown[place], buffer);
}

static enum status matrix_make(const struct page *page, struct matrix *m)
{
    const struct confusion *confusion = &page->confusion;
    size_t place;
    m->page = page;
    for (size_t i = 0; i < confusion->n; i++) {
        const struct confusion_entry *e = &confusion->entries[i];
        if ((e->truth != CONFUSION_BACKGROUND && !is_shown(page, e->truth, &place)) ||
            (e->predicted != CONFUSION_BACKGROUND && !is_shown(page, e->predicted, &place)))
            m->has_others = true;
    }
    m->n = page->n_shown + 1 + m->has_others;
    m->counts = mem_alloc(m->n * m->n, sizeof *m->counts);
    m->sums = mem_alloc(m->n, sizeof *m->sums);
    if (!m->counts || !m->sums) return ERR_MEMORY;
    for (size_t i = 0; i < confusion->n; i++) {
        const struct confusion_entry *entry = &confusion->entries[i];
        size_t row = place_of(m, entry->truth), column = place_of(m, entry->predicted);
        m->counts[row * m->n + column] += entry->count;
        m->sums[row] += entry->count;
    }
    return OK;
}

static void write_labels(const struct matrix *m, int cell, int left, int top)
{
    FILE *f = m->page->stream;
    char buffer[PAGE_NAME_BYTES];
    size_t n_chars = m->n > SMALL ? 18 : 14;
    for (size_t i = 0; i < m->n; i++) {
        int middle = (int)i * cell + cell / 2;
        const char *name = place_name(m, i, buffer);
        fprintf(f, "<text class=\"row\" x=\"%d\" y=\"%d\">", left - 8, top + middle);
        html_text_cut(f, name, n_chars);
        fprintf(f, "</text><text class=\"col\" transform=\"translate(%d %d) rotate(-50)\">",
                left + middle, top - 8);
        html_text_cut(f, name, n_chars);
        fputs("</text>\n", f);
    }
}

static void write_cells(const struct matrix *m, int cell, int left, int top)
{
    FILE *f = m->page->stream;
    for (size_t row = 0; row < m->n; row++)
        for (size_t column = 0; column < m->n; column++) {
            int64_t count = m->counts[row * m->n + column];
            if (count == 0) continue;
            double share = (double)count / (double)m->sums[row];
            const char *class = row == column                           ? "ok"
                                : row == m->n - 1 || column == m->n - 1 ? "bg"
                                                                        : "no";
            int x = left + (int)column * cell, y = top + (int)row * cell,
                gap = m->n > SMALL ? 1 : 3;
            fprintf(f,
                    "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" "
                    "data-r=\"%zu\" data-c=\"%zu\" data-n=\"%lld\" fill-opacity=\"%.2f\"/>\n",
                    class, x, y, cell - gap, cell - gap, m->n > SMALL ? 2 : 6, row, column,
                    (long long)count, 0.25 + 0.75 * share);
            if (m->n <= SMALL)
                fprintf(f, "<text class=\"num%s\" x=\"%d\" y=\"%d\">%lld</text>\n",
                        share > 0.5 ? " on" : "", x + cell / 2 - 1, y + cell / 2, (long long)count);
        }
}

static void write_picture(const struct matrix *m)
{
    FILE *f = m->page->stream;
    bool is_small = m->n <= SMALL;
    int cell = is_small ? 64 : m->n <= WIDE ? 22 : 15, left = is_small ? 150 : 120;
    int top = is_small ? 130 : 100, side = (int)m->n * cell;
    fprintf(f,
            "<svg class=\"matrix%s\" id=\"matrix\" viewBox=\"0 0 %d %d\" style=\"--w:%dpx\" "
            "role=\"img\" "
            "aria-label=\"Confusion matrix of %zu classes and background; its largest entries are "
            "in the list\">\n<rect class=\"back\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
            is_small ? " few" : "", left + side + 60, top + side + 10, left + side + 60, m->n - 1,
            left, top, side, side);
    write_labels(m, cell, left, top);
    write_cells(m, cell, left, top);
    fprintf(f,
            "<path id=\"cross\" data-cell=\"%d\" data-left=\"%d\" data-top=\"%d\" data-side=\"%d\" "
            "d=\"\"/>",
            cell, left, top, side);
    fputs("</svg>\n", f);
}

static int by_count(const void *left, const void *right)
{
    const struct confusion_entry *a = left, *b = right;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    if (a->truth != b->truth) return a->truth < b->truth ? -1 : 1;
    return a->predicted < b->predicted ? -1 : a->predicted > b->predicted;
}

static void write_name(const struct page *page, uint32_t category)
{
    char buffer[PAGE_NAME_BYTES];
    if (category == CONFUSION_BACKGROUND)
        fputs("<i>background</i>", page->stream);
    else
        html_text_cut(page->stream, page_class_name(page, category, buffer), 40);
}

static bool has_background(const struct confusion_entry *entry)
{
    return entry->truth == CONFUSION_BACKGROUND || entry->predicted == CONFUSION_BACKGROUND;
}

// Wrong entries, the most frequent first.
static enum status write_list(const struct page *page, const char *caption, bool with_background)
{
    FILE *f = page->stream;
    const struct confusion *confusion = &page->confusion;
    size_t n = 0;
    struct confusion_entry *wrong = mem_alloc(confusion->n, sizeof *wrong);
    if (!wrong) return ERR_MEMORY;
    for (size_t i = 0; i < confusion->n; i++) {
        const struct confusion_entry *entry = &confusion->entries[i];
        if (entry->truth != entry->predicted && has_background(entry) == with_background)
            wrong[n++] = *entry;
    }
    qsort(wrong, n, sizeof *wrong, by_count);
    fprintf(f,
            "<table class=\"pairs\"><caption>%s</caption><thead><tr><th scope=\"col\">truth</th>"
            "<th scope=\"col\">predicted</th><th scope=\"col\" class=\"n\">count</th></tr></thead>"
            "<tbody>\n",
            caption);
    for (size_t i = 0; i < n && i < N_LISTED; i++) {
        fputs("<tr><td>", f);
        write_name(page, wrong[i].truth);
        fputs("</td><td>", f);
        write_name(page, wrong[i].predicted);
        fprintf(f, "</td><td class=\"n\">%lld</td></tr>\n", (long long)wrong[i].count);
    }
    if (n == 0) fputs("<tr><td colspan=\"3\">none</td></tr>\n", f);
    fputs("</tbody></table>\n", f);
    mem_free(wrong);
    return OK;
}

static void write_names(const struct matrix *m)
{
    FILE *f = m->page->stream;
    char buffer[PAGE_NAME_BYTES];
    fputs("<script type=\"application/json\" id=\"matrix-data\">{\"names\":[", f);
    for (size_t i = 0; i < m->n; i++) {
        if (i) putc(',', f);
        html_json(f, place_name(m, i, buffer));
    }
    fputs("],\"sums\":[", f);
    for (size_t i = 0; i < m->n; i++) fprintf(f, "%s%lld", i ? "," : "", (long long)m->sums[i]);
    fputs("]}</script>\n", f);
}

enum status section_confusion(const struct page *page)
{
    FILE *f = page->stream;
    struct matrix m = {0};
    enum status status = OK;
    GUARD(matrix_make(page, &m));
    fputs("<section id=\"confusion\"><h2>Confusion matrix</h2>\n", f);
    fprintf(
        f,
        "<p class=\"lead\">Rule: detections that score at least %.3g (where F1 over all classes "
        "is best) are matched with objects of <em>any</em> class: by descending score, each "
        "takes the free object with the highest IoU of at least %.2f; of equal ones that of its "
        "own class. An object that nothing took is background in its column; a detection that "
        "took nothing has background as its row. Detections on crowds are left out. Colours "
        "are shares of a row.",
        page->confusion.score, page->confusion.iou);
    if (m.has_others)
        fprintf(f, " The %zu classes with the most objects are shown.", page->n_shown);
    fprintf(f,
            "</p>\n<div class=\"card confusion%s\"><div><p class=\"axis\">rows: truth \xC2\xB7 "
            "columns: predicted</p><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
            "aria-label=\"Confusion matrix\">\n",
            m.n > WIDE ? " wide" : "");
    write_picture(&m);
    fputs("</div></div>\n<div class=\"lists\">", f);
    if (page->n_categories > 1) GUARD(write_list(page, "Most often taken for each other", false));
    GUARD(write_list(page, "Most often overlooked or imagined", true));
    fputs("</div></div></section>\n", f);
    write_names(&m);
done:
    mem_free(m.counts);
    mem_free(m.sums);
    return status;
}

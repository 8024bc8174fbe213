#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "eval/report/file_names.h"
#include "eval/report/html.h"
#include "eval/report/picture.h"

enum { QUALITY = 82 };

static enum status write_image(FILE *f, const struct image *image, const char *what,
                               const char *name, int64_t n, const char *counted)
{
    uint8_t *bytes;
    size_t n_bytes;
    TRY(image_encode_jpeg(image, QUALITY, &bytes, &n_bytes));
    fprintf(f,
            "<figure><button type=\"button\" class=\"zoom\"><img loading=\"lazy\" width=\"%d\" "
            "height=\"%d\" alt=\"%s of ",
            image->width, image->height, what);
    html_text(f, name);
    fprintf(f, ": %lld %s\" src=\"data:image/jpeg;base64,", (long long)n, counted);
    html_base64(f, bytes, n_bytes);
    fprintf(f, "\"/></button><figcaption>%s \xC2\xB7 %lld %s</figcaption></figure>\n", what,
            (long long)n, counted);
    mem_free(bytes);
    return OK;
}

static enum status write_pair(const struct page *page, const struct worst_image *worst,
                              const char *file_name, const char *path)
{
    struct picture picture;
    FILE *f = page->stream;
    enum status status = picture_make(page, worst->image, path, &picture);
    if (status == ERR_MEMORY) return status;
    if (status != OK) { // one image that cannot be shown is no reason to have no report
        log_warn("%s", fail_message());
        fputs("<p class=\"gone\">Cannot be shown: ", f);
        html_text(f, fail_message());
        fputs("</p>", f);
        return OK;
    }
    fputs("<div class=\"pair\">", f);
    status = write_image(f, &picture.truth, "Ground truth", file_name, worst->n_missed, "missed");
    if (status == OK)
        status = write_image(f, &picture.found, "Detections", file_name, worst->n_false, "wrong");
    fputs("</div>", f);
    picture_free(&picture);
    return status;
}

static enum status write_card(const struct page *page, const struct worst_image *worst,
                              const char *file_name)
{
    FILE *f = page->stream;
    char path[PATH_BYTES];
    enum status status = OK;
    fputs("<article class=\"card worst\"><h3>", f);
    if (file_name) {
        html_text(f, path_base(file_name));
        fputs(" \xC2\xA0", f);
    }
    fprintf(f,
            "<span>image %lld</span></h3><p class=\"tally\"><b class=\"t-found\">%lld found</b>"
            "<b class=\"t-missed\">%lld missed</b><b class=\"t-false\">%lld wrong</b></p>\n",
            (long long)page->truth->images[worst->image].id, (long long)worst->n_found,
            (long long)worst->n_missed, (long long)worst->n_false);
    if (page->options->images && file_name) {
        TRY(path_join(path, page->options->images, file_name));
        status = write_pair(page, worst, file_name, path);
    } else if (page->options->images)
        fputs("<p class=\"gone\">The annotations give no file name.</p>", f);
    fputs("</article>\n", f);
    return status;
}

static void write_legend(const struct page *page)
{
    static const struct {
        int kind;
        const char *name;
    } entries[] = {{TIDE_CORRECT, "found, correct"},
                   {TIDE_MISSED, "missed"},
                   {TIDE_CLASSIFICATION, "classification"},
                   {TIDE_LOCALISATION, "localisation"},
                   {TIDE_BOTH, "both"},
                   {TIDE_DUPLICATE, "duplicate"},
                   {TIDE_BACKGROUND, "background"},
                   {TIDE_NOT_COUNTED, "not counted (crowds)"}};
    fputs("<ul class=\"legend kinds\">", page->stream);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        fprintf(page->stream, "<li><i style=\"background:#%06x\"></i>%s</li>",
                page_kind_colors[entries[i].kind], entries[i].name);
    fputs("</ul>\n", page->stream);
}

enum status section_images(const struct page *page)
{
    FILE *f = page->stream;
    enum status status = OK;
    int64_t *ids = mem_alloc(page->n_worst, sizeof *ids);
    char **names = mem_alloc(page->n_worst, sizeof *names);
    if (!ids || !names) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < page->n_worst; i++)
        ids[i] = page->truth->images[page->worst[i].image].id;
    if (page->options->images && page->n_worst > 0)
        GUARD(file_names_read(page->truth->path, ids, page->n_worst, names));
    fprintf(f,
            "<section id=\"images\"><h2>Worst images</h2>\n<p class=\"lead\">Those with the most "
            "errors, missed objects and wrong detections together, of detections that score at "
            "least %.3g, at IoU 0.50; of equally many first those where less was found.",
            page->score);
    if (!page->options->images)
        fputs(" <b>No images were given (--images), so that none are drawn.</b>", f);
    if (page->n_worst == 0) fputs(" No image has an error.", f);
    fputs("</p>\n", f);
    if (page->options->images && page->n_worst > 0) write_legend(page);
    fprintf(f, "<div class=\"%s\">\n", page->options->images ? "gallery" : "gallery bare");
    for (size_t i = 0; i < page->n_worst; i++) GUARD(write_card(page, &page->worst[i], names[i]));
    fputs("</div></section>\n", f);
done:
    for (size_t i = 0; names && i < page->n_worst; i++) mem_free(names[i]);
    mem_free(names);
    mem_free(ids);
    return status;
}

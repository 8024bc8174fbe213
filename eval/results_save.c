#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "eval/coco_eval.h"

// As few digits as read back as the same double, out of three lengths.
static void write_number(FILE *stream, double value)
{
    static const int lengths[] = {6, 15, 17};
    char text[40];
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "%.*g", lengths[i], value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, stream);
}

// Of all characters of run-length text the backslash alone means something in JSON.
static void write_mask(FILE *stream, const struct mask_text *mask)
{
    fprintf(stream, ",\"segmentation\":{\"size\":[%d,%d],\"counts\":\"", (int)mask->height,
            (int)mask->width);
    for (uint32_t i = 0; i < mask->n_bytes; i++) {
        if (mask->bytes[i] == '\\') fputc('\\', stream);
        fputc(mask->bytes[i], stream);
    }
    fputs("\"}", stream);
}

static bool is_finite_detection(const struct eval_detection *d)
{
    return isfinite(d->box[0]) && isfinite(d->box[1]) && isfinite(d->box[2]) &&
           isfinite(d->box[3]) && isfinite(d->score);
}

enum status eval_results_save(const char *path, const struct eval_detection *detections, size_t n)
{
    struct file_writer writer;
    for (size_t i = 0; i < n; i++)
        if (!is_finite_detection(&detections[i]))
            return fail(ERR_NUMERIC, "%s: result %zu (image_id %lld) is not finite", path, i,
                        (long long)detections[i].image_id);
    for (size_t i = 0; i < n; i++)
        if (detections[i].mask.kind != MASK_NONE && detections[i].mask.kind != MASK_TEXT)
            return fail(ERR_UNSUPPORTED, "%s: the mask of result %zu is no run-length text", path,
                        i);
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fputc('[', stream);
    for (size_t i = 0; i < n; i++) {
        const struct eval_detection *d = &detections[i];
        fprintf(stream, "%s{\"image_id\":%lld,\"category_id\":%lld,\"bbox\":[", i ? ",\n" : "\n",
                (long long)d->image_id, (long long)d->category_id);
        for (int k = 0; k < 4; k++) {
            if (k) fputc(',', stream);
            write_number(stream, d->box[k]);
        }
        fputs("],\"score\":", stream);
        write_number(stream, d->score);
        if (d->mask.kind == MASK_TEXT) write_mask(stream, &d->mask);
        fputc('}', stream);
    }
    fputs("\n]\n", stream);
    return file_writer_commit(&writer);
}

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
        fputc('}', stream);
    }
    fputs("\n]\n", stream);
    return file_writer_commit(&writer);
}

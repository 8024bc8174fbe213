#include "train/experiment_form.h"

#include <math.h>

#include "base/json.h"

void experiment_moments(const double *values, size_t stride, size_t n, double *mean, double *spread)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += values[i * stride];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double distance = values[i * stride] - *mean;
        squares += distance * distance;
    }
    *spread = n > 1 ? sqrt(squares / (double)(n - 1)) : -1;
}

void experiment_seeds_text(const double *values, size_t n, bool is_signed, char *text,
                           size_t n_bytes)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < n && used < n_bytes; i++) {
        int more = snprintf(text + used, n_bytes - used, is_signed ? "%s%+.2f" : "%s%.2f",
                            i ? " " : "", 100 * values[i]);
        used += more > 0 ? (size_t)more : n_bytes;
    }
}

static const char *checkpoint_name(const struct experiment *experiment)
{
    return experiment->settings.checkpoint == CHECKPOINT_BEST ? "best" : "last";
}

void experiment_write_title(const struct experiment *experiment, const char *what, const char *mean,
                            FILE *stream)
{
    fprintf(stream, "%s in percent of the %s checkpoint", what, checkpoint_name(experiment));
    if (experiment->n_seeds == 1)
        fprintf(stream, ", seed %ld.\n\n", experiment->settings.seeds.v[0]);
    else
        fprintf(stream, ", %s of %zu seeds.\n\n", mean, experiment->n_seeds);
}

enum status experiment_save_text(const char *path, const void *table,
                                 enum status (*write)(const void *table, FILE *stream))
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    enum status status = write(table, writer.stream);
    if (status == OK) return file_writer_commit(&writer);
    file_writer_abort(&writer);
    return status;
}

void experiment_write_stats(FILE *stream, const char *name, size_t n, const char *const *keys,
                            const double *stats)
{
    fprintf(stream, "\"%s\": {", name);
    for (size_t i = 0; i < n; i++) {
        fprintf(stream, "%s\"%s\": ", i ? ", " : "", keys[i]);
        if (stats[i] < 0)
            fputs("null", stream);
        else
            fprintf(stream, "%.17g", stats[i]);
    }
    fputc('}', stream);
}

enum status experiment_save_json(const struct experiment_json *json, const char *path)
{
    const struct experiment *e = json->experiment;
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fprintf(stream, "{\"type\": \"%s\", \"checkpoint\": \"%s\",%s\n \"models\": [", json->type,
            checkpoint_name(e), json->more);
    for (size_t m = 0; m < e->n_models; m++) {
        fprintf(stream, "%s\n   {\"model\": ", m ? "," : "");
        json_write_string(stream, e->models[m]);
        fprintf(stream, ", \"images\": %zu, \"poolings\": [", json->n_images[m]);
        for (size_t p = 0; p < e->n_poolings; p++) {
            fprintf(stream, "%s\n      {\"pooling\": ", p ? "," : "");
            json_write_string(stream, e->poolings[p]);
            fputs(",\n       ", stream);
            json->write_cell(json->table, m, p, stream);
            fputc('}', stream);
        }
        fputs("]}", stream);
    }
    fputs("]}\n", stream);
    return file_writer_commit(&writer);
}

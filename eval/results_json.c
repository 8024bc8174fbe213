#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "eval/coco_eval.h"

static void write_stats(FILE *stream, const double stats[COCO_STATS], const char *indent)
{
    for (int i = 0; i < COCO_STATS; i++)
        fprintf(stream, "%s\"%s\": %.17g%s", indent, coco_stat_names[i], stats[i],
                i + 1 < COCO_STATS ? "," : "");
}

static void write_line(FILE *stream, const struct eval_line *line, bool is_first)
{
    fprintf(stream,
            "%s\n    {\"metric\": \"%s\", \"iou\": [%.17g, %.17g], \"area\": ", is_first ? "" : ",",
            line->is_recall ? "AR" : "AP", line->first_iou,
            line->is_range ? line->last_iou : line->first_iou);
    json_write_string(stream, line->area);
    fprintf(stream, ", \"max_detections\": %d, \"value\": %.17g}", line->limit, line->value);
}

enum status eval_save_json(const struct eval_result *result, const char *path)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fprintf(stream, "{\n  \"type\": \"%s\",\n  \"stats\": {",
            result->type == EVAL_MASKS ? "segm" : "bbox");
    write_stats(stream, result->stats, "\n    ");
    fputs("\n  },\n  \"summary\": [", stream);
    for (size_t i = 0; i < result->n_lines; i++) write_line(stream, &result->lines[i], i == 0);
    fprintf(stream,
            "\n  ],\n  \"classes_without_objects\": {\"classes\": %zu, \"detections\": %lld},\n"
            "  \"per_class\": [",
            result->n_empty_classes, (long long)result->n_empty_detections);
    for (size_t k = 0; k < result->n_classes; k++) {
        const struct eval_class *class = &result->classes[k];
        fprintf(stream, "%s\n    {\"category_id\": %lld, \"name\": ", k ? "," : "",
                (long long)class->category_id);
        json_write_string(stream, class->name);
        fprintf(stream, ", \"n_objects\": %lld, \"n_detections\": %lld,",
                (long long)class->n_objects, (long long)class->n_detections);
        write_stats(stream, class->stats, " ");
        fputc('}', stream);
    }
    fputs("\n  ]\n}\n", stream);
    return file_writer_commit(&writer);
}

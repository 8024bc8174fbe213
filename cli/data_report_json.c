#include <inttypes.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/data_report.h"

static void write_classes(FILE *out, const struct survey *survey)
{
    for (size_t i = 0; i < survey->n_categories; i++) {
        const struct coco_category *category = &survey->categories[i];
        fprintf(out, "%s\n{\"id\":%" PRId64 ",\"name\":", i ? "," : "", category->id);
        json_write_string(out, category->name);
        fprintf(out, ",\"objects\":%" PRId64 ",\"images\":%zu}", category->n_objects,
                survey->category_images[i]);
    }
}

static void write_bins(FILE *out, const char *name, const size_t *bins, int n)
{
    fprintf(out, ",\"%s\":[", name);
    for (int i = 0; i < n; i++) fprintf(out, "%s%zu", i ? "," : "", bins[i]);
    fputc(']', out);
}

static void write_anchors(FILE *out, const struct data_report *report)
{
    for (int i = 0; i < ANCHOR_SETS; i++) {
        const struct anchor_report *a = &report->anchors[i];
        fprintf(out,
                "%s\n\"%s\":{\"mean_best_iou\":%.9g,\"match_high\":%.9g,\"below_match_high\":%zu,"
                "\"match_low\":%.9g,\"below_match_low\":%zu",
                i ? "," : "", a->section, a->mean, a->good, a->below_good, a->poor, a->below_poor);
        write_bins(out, "best_iou", a->bins, IOU_BINS);
        fputc('}', out);
    }
}

static void write_findings(FILE *out, const struct defects *defects)
{
    static const char *const severities[] = {[DEFECT_NOTE] = "note",
                                             [DEFECT_DROPPED] = "dropped",
                                             [DEFECT_MASKS] = "refused with masks",
                                             [DEFECT_REFUSED] = "refused"};
    for (size_t i = 0; i < defects->n; i++) {
        const struct defect *defect = &defects->list[i];
        const struct defect_info *info = &defect_infos[defect->kind];
        fprintf(out, "%s\n{\"kind\":\"%s\",\"severity\":\"%s\"", i ? "," : "", info->name,
                severities[info->severity]);
        if (defect->has_image) fprintf(out, ",\"image_id\":%" PRId64, defect->image_id);
        if (defect->has_annotation)
            fprintf(out, ",\"annotation_id\":%" PRId64, defect->annotation_id);
        fputs(",\"text\":", out);
        json_write_string(out, defect->text);
        fputc('}', out);
    }
}

enum status data_report_save_json(const struct survey *survey, const struct data_report *report,
                                  const char *path)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *out = writer.stream;
    fprintf(out,
            "{\"images\":%zu,\"objects\":%zu,\"crowds\":%zu,\"annotations\":%zu,\"masks\":%zu,\n"
            "\"small\":%zu,\"medium\":%zu,\"large\":%zu,\"most_objects_in_an_image\":%zu,\n"
            "\"min_size\":%d,\"max_size\":%d,\"median_resized_side\":%.9g",
            survey->n_images, report->n_objects, survey->defects.counts[DEFECT_KIND_CROWD],
            survey->n_objects, survey->n_masks, report->small, report->medium, report->large,
            report->most_objects, report->min_size, report->max_size, report->resized_median);
    write_bins(out, "side_quarter_octaves", report->sides, SIDE_BINS);
    fprintf(out, ",\"objects_per_bin\":%zu", report->count_step);
    write_bins(out, "images_by_objects", report->counts, COUNT_BINS);
    fputs(",\n\"anchors\":{", out);
    write_anchors(out, report);
    fputs("},\n\"classes\":[", out);
    write_classes(out, survey);
    fputs("],\n\"defects\":[", out);
    write_findings(out, &survey->defects);
    fputs("]}\n", out);
    return file_writer_commit(&writer);
}

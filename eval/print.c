#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "eval/coco_eval.h"

void eval_print(const struct eval_result *result)
{
    for (size_t i = 0; i < result->n_lines; i++) {
        const struct eval_line *line = &result->lines[i];
        char iou[32];
        if (line->is_range)
            snprintf(iou, sizeof iou, "%.2f:%.2f", line->first_iou, line->last_iou);
        else
            snprintf(iou, sizeof iou, "%.2f", line->first_iou);
        printf(" %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
               line->is_recall ? "Average Recall" : "Average Precision",
               line->is_recall ? "(AR)" : "(AP)", iou, line->area, line->limit, line->value);
    }
    if (result->n_empty_classes)
        log_info("%zu of %zu classes have no objects: they are in no average, and their %lld "
                 "detections count nowhere",
                 result->n_empty_classes, result->n_classes, (long long)result->n_empty_detections);
}

// Columns a name takes on a terminal, near enough: its characters, not its bytes.
static size_t columns(const char *name)
{
    size_t n = 0;
    for (; *name; name++) n += ((unsigned char)*name & 0xC0) != 0x80;
    return n;
}

// Names come from files: what would move the cursor is shown as '?'.
static void print_name(const char *name, size_t width)
{
    for (const char *p = name; *p; p++) putchar((unsigned char)*p < 0x20 || *p == 0x7F ? '?' : *p);
    for (size_t n = columns(name); n < width; n++) putchar(' ');
}

void eval_print_classes(const struct eval_result *result)
{
    static const int shown[] = {0, 1, 2, 3, 4, 5, 8};
    size_t n_shown = sizeof shown / sizeof *shown, width = 5;
    for (size_t k = 0; k < result->n_classes; k++) {
        size_t n = columns(result->classes[k].name);
        if (n > width) width = n;
    }
    print_name("class", width);
    printf("  %8s %10s", "objects", "detections");
    for (size_t i = 0; i < n_shown; i++) printf(" %6s", coco_stat_names[shown[i]]);
    putchar('\n');
    for (size_t k = 0; k < result->n_classes; k++) {
        const struct eval_class *class = &result->classes[k];
        char id[32];
        snprintf(id, sizeof id, "%lld", (long long)class->category_id);
        print_name(class->name[0] ? class->name : id, width);
        printf("  %8lld %10lld", (long long)class->n_objects, (long long)class->n_detections);
        for (size_t i = 0; i < n_shown; i++) {
            if (class->stats[shown[i]] < 0)
                printf(" %6s", "-");
            else
                printf(" %6.3f", class->stats[shown[i]]);
        }
        putchar('\n');
    }
}

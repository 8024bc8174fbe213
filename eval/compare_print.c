#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "eval/compare.h"

// "+0.0123  [-0.0010, +0.0250]  0.042"; a star where the interval leaves zero out.
static void print_number(const struct compare_number *number)
{
    bool is_clear = number->n_resamples > 0 && (number->low > 0 || number->high < 0);
    printf(" %7.4f %7.4f  %+.4f  [%+.4f, %+.4f]  %.3f%s\n", number->a, number->b,
           number->difference, number->low, number->high, number->p, is_clear ? " *" : "");
}

static int name_width(const struct comparison *comparison)
{
    size_t width = 5, most = 32;
    for (size_t i = 0; i < comparison->n_classes; i++) {
        size_t n = strlen(comparison->classes[i].name);
        if (n > width) width = n < most ? n : most;
    }
    return (int)width;
}

void comparison_print(const struct comparison *comparison)
{
    int width = name_width(comparison);
    printf("%s: A %zu detections, B %zu; %d resamples of %zu images, seed %llu\n",
           comparison->type == EVAL_MASKS ? "masks" : "boxes", comparison->n_a, comparison->n_b,
           comparison->n_resamples, comparison->n_images, (unsigned long long)comparison->seed);
    printf("%-*s         %7s %7s  %7s  %-18s  %s\n", width, "", "A", "B", "B - A", "95 % interval",
           "p");
    for (int i = 0; i < COMPARE_STATS; i++) {
        printf("%-*s        ", width, compare_stat_names[i]);
        print_number(&comparison->numbers[i]);
    }
    printf("\nAP of each class\n%-*s %7s\n", width, "class", "objects");
    for (size_t i = 0; i < comparison->n_classes; i++) {
        const struct compare_class *class = &comparison->classes[i];
        if (class->n_objects == 0) continue;
        printf("%-*.*s %7lld", width, width, class->name, (long long)class->n_objects);
        print_number(&class->numbers[COMPARE_AP]);
    }
}

static void write_numbers(FILE *stream, const struct compare_number numbers[COMPARE_STATS],
                          const char *indent)
{
    for (int i = 0; i < COMPARE_STATS; i++) {
        const struct compare_number *number = &numbers[i];
        fprintf(stream,
                "%s%s\"%s\": {\"a\": %.17g, \"b\": %.17g, \"difference\": %.17g, \"low\": %.17g, "
                "\"high\": %.17g, \"p\": %.17g, \"resamples\": %d}",
                i ? "," : "", indent, compare_stat_names[i], number->a, number->b,
                number->difference, number->low, number->high, number->p, number->n_resamples);
    }
}

enum status comparison_save_json(const struct comparison *comparison, const char *path)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *stream = writer.stream;
    fprintf(stream,
            "{\n  \"type\": \"%s\",\n  \"images\": %zu,\n  \"detections\": [%zu, %zu],\n"
            "  \"resamples\": %d,\n  \"seed\": %llu,\n  \"interval\": 0.95,\n  \"stats\": {",
            comparison->type == EVAL_MASKS ? "segm" : "bbox", comparison->n_images, comparison->n_a,
            comparison->n_b, comparison->n_resamples, (unsigned long long)comparison->seed);
    write_numbers(stream, comparison->numbers, "\n    ");
    fputs("\n  },\n  \"per_class\": [", stream);
    for (size_t i = 0; i < comparison->n_classes; i++) {
        const struct compare_class *class = &comparison->classes[i];
        fprintf(stream, "%s\n    {\"category_id\": %lld, \"name\": ", i ? "," : "",
                (long long)class->category_id);
        json_write_string(stream, class->name);
        fprintf(stream, ", \"n_objects\": %lld,", (long long)class->n_objects);
        write_numbers(stream, class->numbers, "\n     ");
        fputc('}', stream);
    }
    fputs("\n  ]\n}\n", stream);
    return file_writer_commit(&writer);
}

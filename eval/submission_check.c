#include "eval/submission_check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/per_image.h"
#include "eval/submission_checker.h"

// Files of this size have ended on the server without a score, for want of memory or time.
static const uint64_t large_bytes = 1000000000;

void submission_report(struct submission_checker *checker, enum finding_severity severity,
                       enum finding_kind kind, size_t entry, const char *format, ...)
{
    char text[512];
    struct submission_summary *summary = checker->summary;
    size_t most = checker->options->max_reported;
    summary->n_errors += severity == FINDING_ERROR;
    summary->n_warnings += severity == FINDING_WARNING;
    if (summary->n_findings[kind]++ >= most && most) return;
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    struct submission_finding finding = {severity, kind, entry, text};
    checker->options->report(checker->options->context, &finding);
}

static int compare_places(const void *x, const void *y)
{
    const struct submission_place *a = x, *b = y;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return (a->entry > b->entry) - (a->entry < b->entry);
}

// Reports of each group of equal places all but the first, in the order of the file.
static void report_duplicates(struct submission_checker *checker)
{
    struct submission_place *places = checker->places;
    size_t n = checker->n_places, n_repeats = 0;
    if (n) qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; i < n;) {
        struct submission_place first = places[i];
        places[i++].hash = UINT64_MAX; // to the end
        for (; i < n && places[i].hash == first.hash; i++, n_repeats++)
            places[i] = (struct submission_place){places[i].entry, first.entry};
    }
    if (n_repeats) qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; i < n_repeats; i++)
        submission_report(checker, FINDING_WARNING, FINDING_DUPLICATE, (size_t)places[i].hash,
                          "repeats entry %zu: image, category and place are the same",
                          places[i].entry);
}

static enum status read_entries(struct submission_checker *checker,
                                struct submission_archive *archive)
{
    struct element_stream stream = {.read = submission_archive_read, .context = archive};
    struct stream_element element = {.bytes = NULL};
    enum status status = OK;
    for (;;) {
        status = element_stream_next(&stream, &element);
        if (status != OK || !element.bytes) break;
        GUARD(submission_check_entry(checker, &element));
        checker->summary->n_results++;
    }
    checker->summary->json_bytes = archive->n_read;
    checker->summary->is_whole = status == OK;
    if (status == ERR_PARSE || status == ERR_DATA) {
        submission_report(checker, FINDING_ERROR, FINDING_SYNTAX, FINDING_WHOLE,
                          "%s; what follows is not checked", fail_message());
        status = OK;
    }
done:
    element_stream_free(&stream);
    return status;
}

// As many ids as a line holds.
static void report_missing(struct submission_checker *checker)
{
    char ids[160] = "";
    const struct coco_dataset *split = checker->split;
    size_t n_missing = split->n_images - checker->summary->n_images_found, n_named = 0, used = 0;
    for (size_t i = 0; i < split->n_images && n_named < 5; i++)
        if (checker->counts[i] == 0)
            used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%lld", n_named++ ? ", " : "",
                                     (long long)split->images[i].id);
    if (n_missing)
        submission_report(checker, FINDING_NOTE, FINDING_COVERAGE, FINDING_WHOLE,
                          "%zu of %zu images have no result: %s%s", n_missing, split->n_images, ids,
                          n_missing > n_named ? ", ..." : "");
}

static void report_totals(struct submission_checker *checker)
{
    const struct submission_summary *summary = checker->summary;
    if (!summary->is_whole) return;
    // pycocotools looks at the first result without asking whether there is one.
    if (summary->n_results == 0)
        submission_report(checker, FINDING_ERROR, FINDING_MEMBER, FINDING_WHOLE,
                          "holds no results at all");
    report_duplicates(checker);
    report_missing(checker);
    if (summary->json_bytes >= large_bytes)
        submission_report(checker, FINDING_WARNING, FINDING_SIZE, FINDING_WHOLE,
                          "unpacks to %.2f GB; files of 1.1 GB and more were refused, or ended "
                          "without a score",
                          (double)summary->json_bytes * 1e-9);
}

static enum status prepare_cut(struct submission_checker *checker)
{
    struct submission_summary *summary = checker->summary;
    size_t n_others =
        summary->n_errors - summary->n_findings[FINDING_LIMIT] - summary->n_findings[FINDING_NAME];
    summary->can_be_cut = summary->is_whole && n_others == 0;
    if (!checker->options->wants_cut || !summary->can_be_cut) return OK;
    summary->is_kept = mem_alloc(summary->n_results, sizeof *summary->is_kept);
    if (!summary->is_kept) return ERR_MEMORY;
    return per_image_keep(checker->images, checker->scores, summary->n_results,
                          checker->split->n_images, SUBMISSION_PER_IMAGE, summary->is_kept);
}

void submission_summary_free(struct submission_summary *summary)
{
    mem_free(summary->is_kept);
    summary->is_kept = NULL;
}

enum status submission_check(const char *path, const struct coco_dataset *split,
                             const struct submission_check_options *options,
                             struct submission_summary *out)
{
    struct submission_summary summary = {.type = EVAL_BOXES};
    struct submission_checker checker = {
        .path = path, .split = split, .options = options, .summary = &summary};
    struct submission_archive archive = {.zip = NULL};
    enum status status = OK;
    checker.counts = mem_alloc(split->n_images, sizeof *checker.counts);
    if (!checker.counts) return ERR_MEMORY;
    GUARD(submission_archive_open(&checker, &archive));
    if (archive.file) {
        GUARD(read_entries(&checker, &archive));
        report_totals(&checker);
    }
    GUARD(prepare_cut(&checker));
    *out = summary;
    summary.is_kept = NULL;
done:
    submission_archive_close(&archive);
    submission_summary_free(&summary);
    mask_scratch_free(&checker.scratch);
    mem_free(checker.counts);
    mem_free(checker.places);
    mem_free(checker.images);
    mem_free(checker.scores);
    return status;
}

static enum status copy_kept(struct submission_archive *archive,
                             const struct submission_summary *summary, FILE *json)
{
    struct element_stream stream = {.read = submission_archive_read, .context = archive};
    struct stream_element element;
    size_t n_written = 0;
    enum status status = OK;
    fputc('[', json);
    for (;;) {
        GUARD(element_stream_next(&stream, &element));
        if (!element.bytes) break;
        if (element.index >= summary->n_results) {
            status = fail(ERR_DATA, "changed while it was being cut");
            goto done;
        }
        if (!summary->is_kept[element.index]) continue;
        fputs(n_written++ ? ",\n" : "\n", json);
        fwrite(element.bytes, 1, element.n, json);
    }
    fputs("\n]\n", json);
done:
    element_stream_free(&stream);
    return status;
}

static void report_nothing(void *context, const struct submission_finding *finding)
{
    (void)context, (void)finding;
}

enum status submission_cut(const char *path, const struct submission_summary *summary,
                           const char *folder, const char *stem)
{
    struct submission_check_options options = {.report = report_nothing};
    struct submission_summary again = {.type = EVAL_BOXES};
    struct submission_checker checker = {.path = path, .options = &options, .summary = &again};
    struct submission_archive archive = {.zip = NULL};
    FILE *json = NULL;
    enum status status = OK;
    GUARD(submission_archive_open(&checker, &archive));
    if (!archive.file) {
        status = fail(ERR_DATA, "%s: changed while it was being cut", path);
        goto done;
    }
    GUARD(submission_open_json(folder, &json));
    status = copy_kept(&archive, summary, json);
    if (status != OK) {
        status = fail_context(status, "%s: ", path);
        goto done;
    }
    status = submission_pack(folder, stem, json);
    json = NULL;
done:
    if (json) fclose(json);
    submission_archive_close(&archive);
    return status;
}

// What the parts of a submission's check share: submission_check.c, submission_archive.c,
// submission_entry.c.
#ifndef TARN_EVAL_SUBMISSION_CHECKER_H
#define TARN_EVAL_SUBMISSION_CHECKER_H

#include <zip.h>

#include "coco/mask.h"
#include "eval/submission_check.h"
#include "eval/submission_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct submission_place { // of a result: image, category, box or mask
    uint64_t hash;
    size_t entry;
};

struct submission_checker {
    const char *path;
    const struct coco_dataset *split;
    const struct submission_check_options *options;
    struct submission_summary *summary;
    uint32_t *counts;                // (images of the split)
    struct submission_place *places; // (n_places) of results that are sound
    size_t n_places, places_capacity;
    uint32_t *images; // (n_results) for the cut
    double *scores;   // (n_results) for the cut
    size_t images_capacity, scores_capacity;
    struct mask_scratch scratch;
    bool has_type; // the first entry told it, or the caller
};

// Counts a finding and reports it unless there were too many of its kind.
void submission_report(struct submission_checker *checker, enum finding_severity severity,
                       enum finding_kind kind, size_t entry, const char *format, ...)
    PRINTF_LIKE(5, 6);

// An archive and the entry that holds the results.
struct submission_archive {
    zip_t *zip;
    zip_file_t *file;
    uint64_t n_read;
};

// Checks names and layout and opens the entry; archive->file is NULL when there is none to read.
enum status submission_archive_open(struct submission_checker *checker,
                                    struct submission_archive *archive) MUST_USE;
void submission_archive_close(struct submission_archive *archive);

// For struct element_stream; context: the archive. ERR_DATA for what cannot be unpacked.
enum status submission_archive_read(void *context, void *bytes, size_t n, size_t *got) MUST_USE;

// One result.
enum status submission_check_entry(struct submission_checker *checker,
                                   const struct stream_element *element) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

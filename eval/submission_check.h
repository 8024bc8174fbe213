// Whether COCO's server would take a finished submission: everything that can be told beforehand.
//
// Memory grows with the number of results (16 bytes each, 29 for a cut) and of images, not with the
// size of the file: its one entry is read as a stream and stops being read at 4 GiB.
#ifndef TARN_EVAL_SUBMISSION_CHECK_H
#define TARN_EVAL_SUBMISSION_CHECK_H

#include "coco/dataset.h"
#include "eval/submission.h"

#ifdef __cplusplus
extern "C" {
#endif

enum finding_severity {
    FINDING_NOTE,
    FINDING_WARNING,
    FINDING_ERROR, // the server would refuse the file, or not evaluate it as it stands
};

enum finding_kind {
    FINDING_NAME,      // of the file or its entry
    FINDING_ARCHIVE,   // no zip that can be read
    FINDING_LAYOUT,    // not exactly one .json at top level
    FINDING_SYNTAX,    // no JSON array; what stands behind it is not checked
    FINDING_MEMBER,    // one is missing, of the wrong kind, or not finite
    FINDING_IMAGE,     // not in the list
    FINDING_CATEGORY,  // not in the list
    FINDING_BOX,       // negative sides: it can match nothing
    FINDING_MASK,      // not of the image's size, not filling it, or not compressed
    FINDING_TYPE,      // boxes where masks are meant, or the other way round
    FINDING_LIMIT,     // more than 100 results of an image
    FINDING_DUPLICATE, // image, category and place as of an earlier one
    FINDING_COVERAGE,  // images without results
    FINDING_SIZE,
    FINDING_KINDS,
};

struct submission_finding {
    enum finding_severity severity;
    enum finding_kind kind;
    size_t entry; // index in the array; FINDING_WHOLE: of the file
    const char *text;
};
#define FINDING_WHOLE ((size_t)-1)

enum submission_type { SUBMISSION_AUTO, SUBMISSION_BOXES, SUBMISSION_MASKS };

struct submission_check_options {
    const char *testset;       // that the name must have; NULL: any that the server knows
    enum submission_type type; // AUTO: what the first entry holds, as the server does
    size_t max_reported;       // findings of each kind; 0: all
    bool wants_cut;            // summary->is_kept
    void (*report)(void *context, const struct submission_finding *finding);
    void *context;
};

struct submission_summary {
    enum eval_type type;
    size_t n_results, n_images_found; // images that have results
    size_t n_images_over;             // that have more than 100
    uint64_t json_bytes, zip_bytes;
    size_t n_findings[FINDING_KINDS]; // reported or not
    size_t n_errors, n_warnings;
    bool is_whole;   // the array was read to its end
    bool can_be_cut; // nothing but FINDING_LIMIT speaks against it
    bool *is_kept;   // (n_results) among the best 100 of its image, ties in order; or NULL
};

// OK also with findings; ERR_IO when the file cannot be read, ERR_MEMORY. Free the summary.
enum status submission_check(const char *path, const struct coco_dataset *split,
                             const struct submission_check_options *options,
                             struct submission_summary *summary) MUST_USE;
void submission_summary_free(struct submission_summary *summary);

// A copy with the results of summary->is_kept alone: FOLDER/STEM.zip.
enum status submission_cut(const char *path, const struct submission_summary *summary,
                           const char *folder, const char *stem) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

// Results under way to a submission: a file that grows by a line an image, so that a run that was
// stopped, or killed, goes on where it was.
//
// Every line begins with a hash of its rest. The first names what the results depend on; the others
// are "HASH IMAGE_ID RESULTS BROKEN [OBJECT,OBJECT ...]" in the order of the images. A line that is
// torn or damaged ends what counts.
#ifndef TARN_EVAL_SUBMISSION_PARTIAL_H
#define TARN_EVAL_SUBMISSION_PARTIAL_H

#include "eval/submission.h"

#ifdef __cplusplus
extern "C" {
#endif

struct partial_key {
    uint64_t checkpoint, config, split; // hashes
    enum eval_type type;
};

struct submission_partial {
    int fd;
    char path[PATH_BYTES];
    struct submission_text lines; // not written yet
    size_t n_images, n_results, n_broken;
    double synced; // clock_seconds
};

// Opens or creates it, and locks it against another process. image_ids: (n) in the order of the
// run. Kept are whole groups of `group` images (or all n): a batch is computed again or not at all,
// so that its results do not depend on where a run was stopped. ERR_DATA when the file is of
// another checkpoint, config, split or type, or of another kind; ERR_IO when it is in use.
enum status submission_partial_open(const char *path, const struct partial_key *key,
                                    const int64_t *image_ids, size_t n, size_t group,
                                    struct submission_partial *partial) MUST_USE;

// One image. text: of submission_append, with n results. Kept in memory until the next write.
enum status submission_partial_add(struct submission_partial *partial, int64_t image_id,
                                   const char *text, size_t n, bool is_broken) MUST_USE;

// Writes what was added; on disk for sure every few seconds, or at once with is_final.
enum status submission_partial_write(struct submission_partial *partial, bool is_final) MUST_USE;

// All results as one JSON array.
enum status submission_partial_print(const struct submission_partial *partial, FILE *json) MUST_USE;

void submission_partial_close(struct submission_partial *partial);

#ifdef __cplusplus
}
#endif
#endif

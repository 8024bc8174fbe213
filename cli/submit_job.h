// The run of `tarn submit`: a detector over a split, image by image into a file that survives
// interruptions, and at the end into the zip.
#ifndef TARN_CLI_SUBMIT_JOB_H
#define TARN_CLI_SUBMIT_JOB_H

#include <signal.h>

#include "eval/submission.h"
#include "train/session.h"

#ifdef __cplusplus
extern "C" {
#endif

struct submit_job {
    const char *checkpoint, *images, *output; // borrowed; the file, two folders
    char stem[SUBMISSION_STEM_BYTES];
    enum eval_type type;
    bool is_restart; // what is there counts for nothing
    const volatile sig_atomic_t *stop;
};

// Runs what is left to run and writes OUTPUT/STEM.zip; OUTPUT/STEM.partial is what is under way.
// ERR_UNSUPPORTED: masks from a detector that has none. ERR_USAGE: the zip exists. ERR_DATA: what
// is under way is of other settings, or (when the zip is written) images could not be read.
// ERR_INTERRUPTED: all that is done is kept.
enum status submit_run(const struct submit_job *job, struct session *session,
                       const struct coco_dataset *split) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

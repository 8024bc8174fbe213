// Which images `tarn detect` and `tarn classify` run over, and what drawn copies are called.
#ifndef TARN_CLI_DETECT_JOB_H
#define TARN_CLI_DETECT_JOB_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct detect_job {
    char **paths, **names; // (n): image, name of its copy
    size_t n, n_paths_capacity, n_names_capacity;
};

// Files as they are given; of folders the files that are images by name. Images of one name from
// several folders get copies of different names. ERR_IO when nothing is found. *job starts zeroed
// and is freed with detect_job_free, after errors too.
enum status detect_job_make(int n, const char *const *paths, struct detect_job *job) MUST_USE;
void detect_job_free(struct detect_job *job);

// ERR_USAGE when one of the images lies in `output`: its copy would overwrite it.
enum status detect_job_check_output(const struct detect_job *job, const char *output) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

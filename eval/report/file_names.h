// File names of a few images, from an annotation file.
#ifndef TARN_EVAL_REPORT_FILE_NAMES_H
#define TARN_EVAL_REPORT_FILE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// names[i]: that of image ids[i], mem_alloc; NULL when the file gives none. names: (n), owned by
// the caller in any case.
enum status file_names_read(const char *path, const int64_t *ids, size_t n, char **names) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

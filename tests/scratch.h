// Files that tests write: TARN_BINARY_DIR/scratch/NAME.
#ifndef TARN_TESTS_SCRATCH_H
#define TARN_TESTS_SCRATCH_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static inline const char *scratch_path(char out[PATH_BYTES], const char *name)
{
    cr_assert_eq(folder_create(TARN_BINARY_DIR "/scratch"), OK, "%s", fail_message());
    cr_assert_eq(path_join(out, TARN_BINARY_DIR "/scratch", name), OK);
    return out;
}

static inline const char *scratch_write(char out[PATH_BYTES], const char *name, const void *bytes,
                                        size_t n_bytes)
{
    FILE *file = fopen(scratch_path(out, name), "wb"); // file_write waits for the disk
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, n_bytes, file), n_bytes);
    cr_assert_eq(fclose(file), 0);
    return out;
}

static inline const char *scratch_text(char out[PATH_BYTES], const char *name, const char *text)
{
    return scratch_write(out, name, text, strlen(text));
}

// The last message must contain the text.
static inline void expect_message(const char *part)
{
    cr_expect(strstr(fail_message(), part) != NULL, "message \"%s\" lacks \"%s\"", fail_message(),
              part);
}

#endif

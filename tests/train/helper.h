// What the tests of train/ share: a folder of their own, a tiny data set and config.
#ifndef TARN_TESTS_TRAIN_HELPER_H
#define TARN_TESTS_TRAIN_HELPER_H

#include "base/file.h"
#include "train/config.h"

// A new empty folder; removed by helper_remove.
void helper_folder(char path[PATH_BYTES]);
void helper_remove(const char *path);

void helper_write(const char *folder, const char *name, const char *text);

// The whole file; freed with mem_free.
char *helper_read(const char *path, size_t *n_bytes);
bool helper_same_files(const char *a, const char *b);

// n_train + n_val synthetic images of 64x64 under FOLDER, and a config that trains ResNet-18 on
// them in steps of well under a second.
void helper_tiny_run(const char *folder, int n_train, int n_val, struct config *config);

// config.section.key = text, which must be right.
void helper_set(struct config *config, const char *assignment);

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum status helper_status_ = (call);                                                       \
        cr_assert_eq(helper_status_, OK, "%s: %s", #call, fail_message());                         \
    } while (0)

#define assert_fails(call, status, part)                                                           \
    do {                                                                                           \
        cr_assert_eq(call, status, "%s: %s", #call, fail_message());                               \
        cr_assert(strstr(fail_message(), part), "'%s' lacks '%s'", fail_message(), part);          \
    } while (0)

#endif

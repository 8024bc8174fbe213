// Files that are broken, odd or too large for the memory there is.
#ifndef TARN_TESTS_EVAL_BAD_FILE_H
#define TARN_TESTS_EVAL_BAD_FILE_H

#include <unistd.h>

#include "../scratch.h"
#include "base/mem.h"
#include "eval/coco_eval.h"

// Tests run side by side: each process has its own files.
static inline const char *write_file(char path[PATH_BYTES], const char *kind, const char *text,
                                     size_t n)
{
    char name[64];
    snprintf(name, sizeof name, "%ld.%s", (long)getpid(), kind);
    return scratch_write(path, name, text, n);
}

static inline enum status load_truth_as(enum eval_type type, const char *text, size_t n,
                                        struct eval_truth **truth)
{
    char path[PATH_BYTES];
    enum status status = eval_truth_open(write_file(path, "truth.json", text, n), type, truth);
    unlink(path);
    return status;
}

static inline struct eval_truth *fine_truth_as(enum eval_type type, const char *text)
{
    struct eval_truth *truth = NULL;
    cr_assert_eq(load_truth_as(type, text, strlen(text), &truth), OK, "%s: %s", text,
                 fail_message());
    return truth;
}

static inline void expect_truth_fails_as(enum eval_type type, const char *text, enum status status,
                                         const char *message)
{
    struct eval_truth *truth = NULL;
    cr_expect_eq(load_truth_as(type, text, strlen(text), &truth), status, "%s", text);
    cr_expect_null(truth);
    expect_message(".truth.json: ");
    expect_message(message);
}

// Every allocation of an evaluation fails once; what was there before is released. Returns how many
// there are.
static inline size_t fail_each_allocation(const char *truth_path, const char *results_path,
                                          enum eval_type type)
{
    for (size_t nth = 1;; nth++) {
        struct eval_result result;
        mem_fail_at(nth, false);
        enum status status = eval_files(truth_path, results_path, type, 1, &result);
        mem_fail_at(0, false);
        if (status == OK) {
            eval_result_free(&result);
            return nth - 1;
        }
        cr_assert_eq(status, ERR_MEMORY, "allocation %zu: %s", nth, fail_message());
    }
}

#endif

// The file in which the measured choice of convolution engines is kept from run to run, so that a
// later run neither measures again nor chooses otherwise (its results would differ in the last
// bits).
//
// Text: a first line that names format, device and library ("tarn plans 1 | NVIDIA H100 80GB HBM3 |
// 91900"), then a line for each problem: its numbers, a bar, the engine, a bar, a hash of what
// stands before. What another device or library wrote is another file's content: it counts for
// nothing and is replaced. A line that is cut short or damaged is left out, with a warning.
#ifndef TARN_CUDA_PLAN_FILE_H
#define TARN_CUDA_PLAN_FILE_H

#include "cuda/cudnn.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PLAN_ENGINE_BYTES = sizeof((struct conv_plan *)NULL)->engine };

struct plan_entry {
    struct conv_problem problem;
    char engine[PLAN_ENGINE_BYTES]; // empty: no engine takes the problem
};

struct plan_list {
    struct plan_entry *entries;
    size_t n, capacity;
};

void plan_list_free(struct plan_list *list);

// The entry of a problem, else NULL.
const struct plan_entry *plan_list_find(const struct plan_list *list,
                                        const struct conv_problem *problem);

// Of the entries that differ in n, h, w, oh and ow alone, the one of the most similar amount of
// pixels, if that is within a factor of two; else NULL. Its engine suits this problem as a rule.
const struct plan_entry *plan_list_similar(const struct plan_list *list,
                                           const struct conv_problem *problem);

// Adds or replaces.
enum status plan_list_set(struct plan_list *list, const struct conv_problem *problem,
                          const char *engine) MUST_USE;

// Reads a file's text. title: the first line that is expected, without line feed. *n_damaged:
// lines that were left out. Never fails but for memory: what is not understood counts for nothing.
enum status plan_list_parse(const char *title, const char *text, size_t n_bytes,
                            struct plan_list *list, size_t *n_damaged) MUST_USE;

// The whole file. A missing file gives an empty list.
enum status plan_list_load(const char *path, const char *title, struct plan_list *list) MUST_USE;
enum status plan_list_save(const char *path, const char *title,
                           const struct plan_list *list) MUST_USE;

// $TARN_CACHE, else $XDG_CACHE_HOME/tarn, else $HOME/.cache/tarn, made if it is not there, with
// /NAME behind it. false: there is no such folder.
bool plan_file_path(const char *name, char *path, size_t n_bytes);

#ifdef __cplusplus
}
#endif
#endif

// A run's configuration: JSON (with comments) whose keys are listed in train/config.def.
//
//     { "base": "base/retinanet_r18.json",          // one parent, relative to this file
//       "train": {"lr": 0.005},
//       "backbone": {"pool": {"stem": {"type": "soft", "kernel": 2}}} }
//
// Later settings win: defaults, then the parent, then the file, then `section.key=value` of the
// command line. All other paths are relative to the current folder, like the command line's.
// The section "tarn" is ignored: the resolved config.json of a run keeps versions there.
#ifndef TARN_TRAIN_CONFIG_H
#define TARN_TRAIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/field.h"
#include "nn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cJSON;

// A pool site. The pool's own parameters stand in `args`, as pool_def.fields describes them.
struct config_pool {
    char type[FIELD_STRING_BYTES]; // name of a pool; "default": the original network's
    const struct pool_def *def;    // NULL: default
    int64_t kernel, stride, padding; // -1: the pool's own choice
    int64_t pad_begin;               // top and left; -1: padding
    bool ceil;
    double args[POOL_ARGS_BYTES / sizeof(double)];
};

struct config {
#define SECTION(name, summary)                                struct {
#define BOOL(section, name, initial, help)                    bool name;
#define INTEGER(section, name, initial, min, max, help)       int64_t name;
#define NUMBER(section, name, initial, min, max, help)        double name;
#define CHOICE(section, name, initial, choices, help)         int name;
#define TEXT(section, name, initial, help)                    char name[FIELD_STRING_BYTES];
#define INTEGERS(section, name, initial, min, max, help)      struct field_ints name;
#define NUMBERS(section, name, initial, min, max, help)       struct field_floats name;
#define SECTION_END(name)                                     } name;
#include "train/config.def"
#undef SECTION
#undef BOOL
#undef INTEGER
#undef NUMBER
#undef CHOICE
#undef TEXT
#undef INTEGERS
#undef NUMBERS
#undef SECTION_END
    struct config_pool pools[N_POOL_SITES]; // backbone.pool.SITE
};

enum { SCHEDULE_STEP, SCHEDULE_COSINE };      // train.schedule
enum { PRECISION_F32, PRECISION_TF32, PRECISION_BF16 }; // train.precision
enum { OPTIMIZER_SGD, OPTIMIZER_ADAMW };      // train.optimizer
enum { FORMAT_COCO, FORMAT_FOLDER, FORMAT_LIST, FORMAT_CROPS }; // data.format
enum { BEST_BY_AUTO, BEST_BY_BBOX, BEST_BY_SEGM }; // eval.best_by
enum { ANCHORS_TORCHVISION, ANCHORS_DETECTRON2 }; // model.anchors
enum { NORMALIZER_IMAGES, NORMALIZER_RUNNING }; // retinanet.normalizer
enum { STRIDE_AUTO, STRIDE_3X3, STRIDE_1X1 }; // backbone.stride_in_1x1

void config_defaults(struct config *config);

// Sets what a file says, its parents first. Errors name the file and the key; parents that lead in
// a circle or further than 16 files are refused.
enum status config_load(const char *path, struct config *config) MUST_USE;

// The same from memory, without parents; `name` is for messages.
enum status config_parse(const char *name, const char *text, size_t n_bytes,
                         struct config *config) MUST_USE;

// "section.key=value" texts, e.g. from the command line. A pool's type is set before its
// parameters, whatever their order.
enum status config_override(struct config *config, int n, const char *const *assignments) MUST_USE;

bool config_has_section(const char *name); // "train", "backbone", ...

// What no single field can tell: combinations. Also checks pools by their own rules.
enum status config_check(const struct config *config) MUST_USE;

bool config_has_masks(const struct config *config); // the model is trained on masks and finds them
bool config_is_classifier(const struct config *config);
bool config_has_training_data(const struct config *config);
bool config_has_validation_data(const struct config *config);

// All keys as a JSON object that config_parse reads back.
enum status config_to_json(const struct config *config, struct cJSON **json) MUST_USE;

// One line "section.key: A -> B" for each key whose value differs; the number of them.
enum status config_compare(const struct config *from, const struct config *to, FILE *stream,
                           int *n_different) MUST_USE;

// A site's layer as the backbone takes it: def NULL for the original network.
void config_pool_layer(const struct config *config, enum pool_site site, struct pool *pool);

void config_print_help(FILE *stream);
void config_print_markdown(FILE *stream); // docs/config.md

#ifdef __cplusplus
}
#endif
#endif

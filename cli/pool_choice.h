// Pooling layers that a command line names, ready to run on a tape.
#ifndef TARN_CLI_POOL_CHOICE_H
#define TARN_CLI_POOL_CHOICE_H

#include "base/field.h"
#include "nn/params.h"
#include "nn/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { POOL_CHOICE_MAX = 64, POOL_LABEL_BYTES = 96 };

struct pool_choice {
    char label[POOL_LABEL_BYTES]; // as typed: "soft", "soft:beta=2:grad=detached"
    struct pool pool;             // def and args; no window yet
};

// "max,soft:beta=2,lip" into choices, "" into every pool with its defaults. ERR_USAGE names an
// unknown pool (with the nearest), option or value.
enum status pool_choices_parse(const char *text, struct pool_choice choices[POOL_CHOICE_MAX],
                               int *n) MUST_USE;

// ERR_USAGE that offers the nearest name.
enum status pool_require(const char *name, const struct pool_def **def) MUST_USE;

// Where `tarn pools` and `tarn bench pools` place it: the first that it allows, mostly the stem.
enum pool_site pool_usual_site(const struct pool_def *def);

// A pool at its usual site with parameters of its own.
struct pool_layer {
    struct params *params;
    struct pool *pool;
};

// Declares, lays out and initialises the parameters for n_channels. ERR_USAGE where the pool
// refuses the window. Free with pool_layer_close.
enum status pool_layer_open(const struct pool_choice *choice, const struct window *window,
                            int n_channels, struct backend *backend,
                            struct pool_layer *layer) MUST_USE;
void pool_layer_close(struct pool_layer *layer);

// Trainable values of a pool with these settings for n_channels, by declaring them.
enum status pool_count_trainable(const struct pool *pool, int n_channels, size_t *n) MUST_USE;

// The window that the pool has by default; kernel 0: the whole map.
struct window pool_default_window(const struct pool_def *def);

#ifdef __cplusplus
}
#endif
#endif

// A pooling layer as the rest of the program sees it. Adding one touches its files in
// backbone/pool/ and cuda/pool/, one line of backbone/pool/pools.def, and its test.
#ifndef TARN_NN_POOL_H
#define TARN_NN_POOL_H

#include "base/field.h"
#include "nn/backend.h"
#include "nn/params.h"
#include "nn/window.h"

#ifdef __cplusplus
extern "C" {
#endif

// POOL_GLOBAL: before a classifier's last layer; POOL_AUX: before those of auxiliary classifiers,
// where what may stand at POOL_GLOBAL may stand too.
enum pool_site { POOL_STEM, POOL_DOWNSAMPLE, POOL_GLOBAL, POOL_AUX, N_POOL_SITES };
extern const char *const pool_site_names[N_POOL_SITES]; // "stem", "downsample", "global", "aux"

struct tape;
struct pool_def;

// One pooling layer of a model: its kind, geometry, parameters and trainable tensors.
enum { POOL_MAX_PARAMS = 9, POOL_MAX_SAVED = 4, POOL_ARGS_BYTES = 8192 };
struct pool {
    const struct pool_def *def;
    enum pool_site site;
    // Running number in its model: random stream RNG_POOL + index. A block's two pools share one.
    int index;
    struct window window; // kernel 0: the whole map
    int n_params;
    struct tensor *params[POOL_MAX_PARAMS];      // in the order of declaration
    double args[POOL_ARGS_BYTES / sizeof(double)]; // the struct that def->fields describes
};

struct pool_def {
    const char *name;    // "soft"
    const char *summary; // one line for `tarn pools`
    const char *formula; // for `tarn pools NAME`
    const char *cost;    // arithmetic and memory: "one exponential an element"
    const char *paper;   // "Stergiou et al., ICCV 2021, arXiv 2101.00440"
    unsigned sites;      // bit mask of 1 << enum pool_site
    const char *sites_refusal; // why the others are refused
    int default_kernel, default_stride, default_padding; // in the stem

    const struct field *fields; // own parameters beside the common geometry; ends with name NULL
    size_t args_bytes;          // sizeof of the struct that fields describe, <= POOL_ARGS_BYTES

    // Checks parameters and geometry against what the method allows. Optional.
    enum status (*check)(const struct pool *pool);

    // Declares trainable parameters for n_channels under `prefix` ("backbone.body.pool.") and
    // stores their tensors in pool->params, with pool_declare where it fits. Optional. They are
    // trained even where the convolutions beside the pool are frozen: who asks for a learned pool
    // in a network that did not have it wants it learned.
    enum status (*declare)(struct pool *pool, struct params *params, const char *prefix,
                           int n_channels);

    // Either window kernels for the operation `pool` (the CUDA ones stand in cuda/pool/). They take
    // x in f32 or bf16 and give y in the same type; arithmetic and all gradients are f32. Kernel
    // inputs are x and pool->params; call->training tells training from inference; random numbers
    // are those of nn/pool_random.h.
    op_forward cpu_forward;
    op_backward cpu_backward;
    int form; // tells pools apart that share their kernels
    bool gradient_ignores_x; // backward does not read x: `tarn bench pools` counts no bytes for it
    // Up to POOL_MAX_SAVED tensors that backward needs beside inputs and output; fills dtypes for
    // tensors of y's shape, returns their number. Optional.
    int (*saved)(const void *args, enum dtype dtypes[POOL_MAX_SAVED]);

    // At the site downsample of a bottleneck: true where the pool stands in place of the strided
    // 3x3 convolution, with a 1x1 one behind it; otherwise it follows that convolution at stride 1.
    // Optional.
    bool (*replaces_conv)(const struct pool *pool);

    // ... or a composition of tape operations.
    enum status (*build)(struct tape *tape, const struct pool *pool, struct tensor *x,
                         struct tensor **y);

    // A term of its own in the loss; *value (1), NULL: none. For pools at POOL_GLOBAL. Optional.
    enum status (*loss)(struct tape *tape, const struct pool *pool, struct tensor **value);
};

// One trainable parameter of a pool of windows.
enum pool_scope { POOL_PER_LAYER, POOL_PER_CHANNEL };
struct pool_param {
    const char *name; // its full name is the prefix followed by this
    enum pool_scope scope;
    int n; // values of one scope: 1, or one for each place of the window
    enum init_kind init;
    double init_a;
    struct param_limit limit;
    struct param_shown shown;
};

// Appends a parameter to pool->params: of shape (n) for the layer, (n, n_channels) for channels; in
// group PARAM_POOL, which is without weight decay unless configured. Values of the parameters
// stand in log.jsonl.
enum status pool_declare(struct pool *pool, struct params *params, const char *prefix,
                         int n_channels, const struct pool_param *param) MUST_USE;

// The member `scope` of a pool's own parameters, for its table of fields.
#define POOL_SCOPE_FIELD(object, member, start)                                                    \
    {                                                                                              \
        .name = "param_scope", .type = FIELD_CHOICE, .offset = offsetof(object, member),           \
        .initial = start, .choices = "layer|channel",                                              \
        .help = "one learned value for the layer or one for each channel"                          \
    }

// All pools, in the order of pools.def; NULL after the last. Defined in backbone/pool/.
extern const struct pool_def *const pool_defs[];
const struct pool_def *pool_find(const char *name); // NULL: none

#ifdef __cplusplus
}
#endif
#endif

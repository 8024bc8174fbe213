// The parameters of a model: declared by name, then laid out in flat buffers (values, gradients,
// velocity), so that the optimiser, gradient norm and checkpoints are single loops.
#ifndef TARN_NN_PARAMS_H
#define TARN_NN_PARAMS_H

#include "nn/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tape;

// Trainable parameters of one group lie together, in this order; frozen ones and buffers follow.
enum param_group {
    PARAM_WEIGHT, // weight decay applies
    PARAM_NORM,   // gamma and beta of normalisation layers
    PARAM_BIAS,   // biases
    PARAM_POOL,   // pooling layers' own: no decay unless configured
    N_PARAM_GROUPS
};
extern const char *const param_group_names[N_PARAM_GROUPS]; // "weight", "norm", "bias", "pool"

enum param_kind {
    PARAM_PLAIN,  // stored as declared
    PARAM_CONV,   // (O,H,W,I) in memory, (O,I,H,W) in files
    PARAM_LINEAR_CHW, // (O, H*W*C) in memory for an input map, (O, C*H*W) in files
    PARAM_CONV_TRANSPOSE, // (H,W,O,I) in memory, (I,O,H,W) in files
};

enum init_kind {
    INIT_ZERO,
    INIT_ONE,
    INIT_CONSTANT,        // a
    INIT_NORMAL,          // deviation a
    INIT_UNIFORM,         // +-a
    INIT_UNIFORM_POSITIVE, // 0 to a
    INIT_FIRST, // shape (n, sets) or (n): a for the first value of a set, 0 for the others
    INIT_KAIMING_NORMAL_FAN_OUT, // deviation sqrt(2 / fan_out): torchvision's ResNet
    INIT_KAIMING_UNIFORM_A1,     // +- sqrt(3 / fan_in): torchvision's FPN
};

// Where values must stay to have a meaning; params_limit moves them there after every optimiser
// step, and a kernel may rely on it.
enum param_limit_kind {
    PARAM_FREE,
    PARAM_RANGE,   // in [low, high]
    PARAM_SIMPLEX, // shape (n, sets) or (n): values of a set are >= 0 and sum to 1
};
struct param_limit {
    enum param_limit_kind kind;
    double low, high;
};

// How log.jsonl shows a value that is stored in another form: value(stored) under `name`, which
// replaces the last part of the parameter's. Both NULL: as stored.
struct param_shown {
    const char *name;
    double (*value)(double stored);
};

struct param {
    char name[128]; // torchvision's
    struct tensor tensor;
    enum param_group group;
    enum param_kind kind;
    bool trainable; // false: frozen, or a buffer such as running_mean
    bool is_buffer; // running statistics: saved, never trained, not counted as a parameter
    enum init_kind init;
    double init_a;
    struct param_limit limit;
    struct param_shown shown;
    int chw[3];    // PARAM_LINEAR_CHW: the input map's C, H, W
    bool loaded;   // values came from a file
    size_t offset; // first element in the flat buffers
};

struct params {
    struct param **items;
    size_t n, capacity;
    bool laid_out;
    struct backend *backend;
    size_t n_values;                      // all elements, 16-element aligned per parameter
    size_t group_begin[N_PARAM_GROUPS + 1]; // trainable ranges; [N_PARAM_GROUPS] = n_trainable
    float *values;   // (n_values), device
    float *grads;    // (n_trainable), device
    float *velocity; // (n_trainable), device; AdamW: the mean of gradients
    float *second;   // (n_trainable), device; AdamW: the mean of their squares; NULL: not asked for
    float *average;  // (n_values), device; the moving average of values; NULL: not asked for
};

enum status params_create(struct backend *backend, struct params **params) MUST_USE;
void params_destroy(struct params *params);

// Before layout: declares a parameter and returns its tensor (owned by params; data NULL until
// layout). The name must be new.
struct param_spec {
    const char *name; // copied
    int rank;
    int64_t shape[TENSOR_MAX_RANK]; // in memory order
    enum param_group group;
    enum param_kind kind;
    enum init_kind init;
    double init_a;
    struct param_limit limit;
    struct param_shown shown;
    bool frozen, is_buffer;
    int chw[3];
};
enum status params_declare(struct params *params, const struct param_spec *spec,
                           struct tensor **tensor) MUST_USE;

// Allocates the flat buffers and initialises every value from `seed` (stream RNG_INIT, one step per
// parameter, keyed by a hash of its name, so that adding a layer does not change the others).
enum status params_layout(struct params *params, uint64_t seed) MUST_USE;

// After layout: memory for `second`, zeroed, and for `average`, a copy of the values.
enum status params_need_second(struct params *params) MUST_USE;
enum status params_need_average(struct params *params) MUST_USE;

// Tensors show the moving average, or the values again; `average` must be there.
void params_use_average(struct params *params, bool average);

struct param *params_find(const struct params *params, const char *name); // NULL: none

// Before a step: no gradient has a contribution yet.
void params_zero_grad(struct params *params);

// After the last backward of a step: gradients of parameters that got no contribution become 0.
enum status params_finish_grad(struct params *params) MUST_USE;

// After an optimiser step: moves the values of trainable parameters into their limits.
enum status params_limit(struct params *params, struct tape *tape) MUST_USE;

size_t params_count(const struct params *params, bool trainable_only); // elements, no buffers

// The shape that a parameter has in files; returns its rank.
int params_file_shape(const struct param *param, int64_t shape[TENSOR_MAX_RANK]);

// Values of one parameter to and from the file's layout (float, host).
enum status params_get(const struct params *params, const struct param *param,
                       float *file_order) MUST_USE;
enum status params_set(struct params *params, struct param *param,
                       const float *file_order) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

// Reverse-mode differentiation: operations run at once and append a node; backward walks the
// nodes from last to first. The order of recording is a topological order.
//
// Memory: tensors and activations live until tape_reset; an activation that no recorded operation
// needs can be given back early with tape_drop.
#ifndef TARN_NN_TAPE_H
#define TARN_NN_TAPE_H

#include "base/arena.h"
#include "nn/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tape_node {
    enum op op;
    struct op_call call; // call.args is a copy that the tape owns
};

// Called around every kernel: `tarn info` prints layers, `tarn bench` takes times.
struct tape_observer {
    void *context;
    void (*before)(void *context, const struct tape_node *node, bool is_backward);
    void (*after)(void *context, const struct tape_node *node, bool is_backward);
};

struct block_pool; // memory of one size class reused within a step

struct tape {
    struct backend *backend;
    bool recording; // keep nodes for tape_backward
    bool training;  // batch statistics, random pools
    bool dry;       // infer shapes only: no memory, no kernels
    bool is_deferring;     // between tape_defer and tape_run_deferred
    uint64_t deferred_key; // of what was noted so far
    uint64_t seed;
    uint32_t step;
    struct tape_observer observer; // all NULL: none
    struct arena host;             // nodes, tensor headers, args
    struct block_pool *blocks;     // device memory of activations and gradients
    struct tape_node **nodes;
    size_t n_nodes, capacity;
};

enum status tape_create(struct backend *backend, struct tape **tape) MUST_USE;
void tape_destroy(struct tape *tape);

// Forgets nodes and activations; keeps their memory for the next step.
void tape_reset(struct tape *tape);

// A tensor with uninitialised memory that lives until the next reset (or drop).
enum status tape_tensor(struct tape *tape, enum dtype dtype, int rank, const int64_t *shape,
                        struct tensor **tensor) MUST_USE;

// Copies host data into a new tensor of the tape.
enum status tape_upload(struct tape *tape, enum dtype dtype, int rank, const int64_t *shape,
                        const void *host, struct tensor **tensor) MUST_USE;

// The caller does not use this tensor any more: its memory is reused, unless a recorded operation
// needs it for the backward pass. NULL-safe.
void tape_drop(struct tape *tape, struct tensor *tensor);

// Runs an operation whose outputs were allocated, and records it if one of its inputs needs a
// gradient; then outputs of dtype f32 need one too. Used by nn/op_*.c and pools' build functions.
// args are copied (args_bytes may be 0).
enum status tape_run(struct tape *tape, enum op op, const void *args, size_t args_bytes, int n_in,
                     struct tensor *const *in, int n_out, struct tensor *const *out) MUST_USE;

// From here to tape_run_deferred operations are noted and not run; their memory is handed out as
// ever. What is run then is the same from call to call where shapes are, and the backend may start
// it as a whole (backend->replay). Nothing may be uploaded in between. Without effect where the
// backend has no replay, where operations are recorded or observed, and on a dry tape.
void tape_defer(struct tape *tape);
enum status tape_run_deferred(struct tape *tape) MUST_USE;

// Back-propagates from scalar roots, each with gradient `seed_gradient` (1 / number of
// micro-batches). Parameter gradients are added to what params_zero_grad left.
enum status tape_backward(struct tape *tape, int n_roots, struct tensor *const *roots,
                          float seed_gradient) MUST_USE;

// Back-propagates from y, which has the gradient dy (of y's shape and grad_dtype, a tensor of this
// tape, whose memory is taken). For benches and tests; gradients of activations without an
// operation before them stay until the next reset.
enum status tape_backward_from(struct tape *tape, struct tensor *y, struct tensor *dy) MUST_USE;

// Bytes of activations and gradients: now and at the largest step.
size_t tape_peak_bytes(const struct tape *tape);

#ifdef __cplusplus
}
#endif
#endif

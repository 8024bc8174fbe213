// What a device must offer: memory, copies and one kernel pair per operation of ops.def.
#ifndef TARN_NN_BACKEND_H
#define TARN_NN_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "nn/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum op {
#define OP(name)         OP_##name,
#define OP_NO_GRAD(name) OP_##name,
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
    N_OPS
};

extern const char *const op_names[N_OPS];
extern const bool op_has_gradient[N_OPS];

enum { OP_MAX_IN = 10, OP_MAX_OUT = 8 };

struct backend;

// One call of an operation. Shapes were checked and outputs allocated by nn/op_*.c.
// An optional input or output that is absent is NULL.
struct op_call {
    struct backend *backend;
    const void *args; // the operation's args struct from nn/ops.h
    int n_in, n_out;
    struct tensor *in[OP_MAX_IN];
    struct tensor *out[OP_MAX_OUT];
    bool recording; // a backward call may follow: fill the outputs that only it needs
    bool training;
    uint64_t seed;  // for random layers: rng_philox(seed, RNG_POOL + site, step, element)
    uint32_t step;
};

typedef enum status (*op_forward)(const struct op_call *call);

// Reads out[i]->grad (NULL: nothing flowed back into that output) and writes in[i]->grad where
// want[i]: with beta[i] == 0 the gradient memory holds garbage and is overwritten, with 1 the
// contribution is added. out[i]->grad may be overwritten: nobody reads it afterwards.
struct op_backward_call {
    const struct op_call *forward;
    bool want[OP_MAX_IN];
    float beta[OP_MAX_IN];
};

typedef enum status (*op_backward)(const struct op_backward_call *call);

struct op_kernels {
    op_forward forward;
    op_backward backward; // NULL for OP_NO_GRAD
};

// Times what a device does by itself, for benchmarks.
struct backend_timer {
    enum status (*start)(struct backend *backend);
    enum status (*stop)(struct backend *backend, double *seconds); // since start; waits
    // Of device memory, queued as a kernel is.
    enum status (*copy)(struct backend *backend, void *to, const void *from, size_t bytes);
};

struct backend {
    const char *name; // "cpu", "cuda"
    const struct op_kernels *kernels; // [N_OPS]
    struct arena_source memory;       // chunks of device memory
    void *state;                      // the backend's own

    // Activations may be bf16, and then their gradients are. false: pool and cast alone take bf16
    // activations, and all gradients are f32. Parameters and their gradients are f32 always.
    bool bf16;

    // Host <-> device. On the CPU: memcpy. download waits for the device; upload may return
    // before the copy is done only if `host` stays untouched until the next synchronize.
    enum status (*upload)(struct backend *backend, void *device, const void *host, size_t bytes);
    enum status (*download)(struct backend *backend, void *host, const void *device, size_t bytes);
    enum status (*zero)(struct backend *backend, void *device, size_t bytes);
    enum status (*fill)(struct backend *backend, void *device, float value, size_t n_floats);
    enum status (*synchronize)(struct backend *backend);

    // Kernels may still be at work when a call returns: whoever reads a result each step makes the
    // device wait for the host.
    bool is_async;
    // Host memory that uploads and downloads run from and to beside the device's work.
    struct arena_source pinned;
    // As download, but `host` (of `pinned`) holds the values only after the next synchronize.
    enum status (*download_later)(struct backend *backend, void *host, const void *device,
                                  size_t bytes);
    // Waits until what upload was given may be written again; not for the device's work.
    enum status (*uploads_done)(struct backend *backend);
    // Does what run(context) does, which calls kernels and nothing else; calls of one key do the
    // same with the same memory, so that later ones need not run it. NULL: run it every time.
    enum status (*replay)(struct backend *backend, uint64_t key,
                          enum status (*run)(void *context), void *context);

    // NULL: the device is done when a call returns, and a clock will do.
    const struct backend_timer *timer;

    // Memory for one kernel's call; contents die with the next call that asks. 64-byte aligned.
    enum status (*scratch)(struct backend *backend, size_t bytes, void **memory);

    // Parameters changed (an optimiser step, a load): drop what was derived from them.
    void (*params_changed)(struct backend *backend);

    // A line for `tarn info`: device, libraries, threads.
    void (*describe)(struct backend *backend, char *text, size_t n_bytes);
    void (*destroy)(struct backend *backend);
};

// n_threads: 0 takes OpenMP's default. Defined in cpu/.
enum status backend_create_cpu(int n_threads, struct backend **backend) MUST_USE;

static inline void backend_destroy(struct backend *backend)
{
    if (backend) backend->destroy(backend);
}

#ifdef __cplusplus
}
#endif
#endif

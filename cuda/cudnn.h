// What the CUDA backend takes from cuDNN: convolutions as operation graphs, in terms of its own.
// Only cuda/cudnn_*.c include cuDNN's headers.
//
// A problem (everything a kernel depends on) is planned once: cuDNN's heuristics name engines,
// those that would not repeat their results or that compute in less than what was asked for are
// left out, the rest is measured on the caller's data, and the fastest is kept, in memory and in a
// file for the next run (cuda/plan_file.h).
#ifndef TARN_CUDA_CUDNN_H
#define TARN_CUDA_CUDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "nn/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum conv_kind { CONV_FORWARD, CONV_BACKWARD_DATA, CONV_BACKWARD_FILTER };

// Also the key of the cache, so it has no padding bytes. x (N,H,W,C), w (O,kh,kw,C), y (N,OH,OW,O).
// The kind's result: y, dx or dw; the other two are read.
// CONV_FORWARD: y = relu?( x * w + residual + bias ), bias (O) f32, residual of y's shape and type.
struct conv_problem {
    int32_t kind; // enum conv_kind
    int32_t n, h, w, c;
    int32_t o, oh, ow;
    int32_t kh, kw, stride, padding;
    int32_t bias, residual, relu; // CONV_FORWARD only
    int32_t accumulate;           // result = result + ...; not with CONV_FORWARD
    int32_t input_dtype;          // DTYPE_F32 or DTYPE_BF16, of the two that are read
    int32_t result_dtype;
    int32_t tf32; // f32 products may be rounded to TF32; with bf16 always 0
};

// Pointers to device memory, 16-byte aligned; what the problem does not need is NULL.
struct conv_memory {
    const void *x, *w, *y; // y: dy in the backward kinds
    const float *bias;
    const void *residual;
    void *result;
    void *workspace; // conv_plan.workspace_bytes
};

struct conv_plan {
    struct conv_problem problem;
    bool supported; // false: no engine takes this problem; the caller does it in parts
    size_t workspace_bytes;
    float milliseconds; // as measured; 0: not measured (one engine, or from the file)
    char engine[96];    // "engine 12 k2=3 k17=1": what the file keeps
    struct conv_executable *executable;
};

struct CUstream_st;
struct cudnn;

// remembers: plans are kept in a file for later runs. One that is damaged is reported, and its good
// part is used.
enum status cudnn_create(struct CUstream_st *stream, bool remembers, struct cudnn **cudnn) MUST_USE;
void cudnn_destroy(struct cudnn *cudnn);

// "cuDNN 9.19.0"
void cudnn_describe(char *text, size_t n_bytes);

// Memory to measure in: a result that must not change, a workspace. The next call may move it.
typedef enum status (*cudnn_scratch)(void *context, size_t bytes, void **memory);

// The plan of a problem. At the first call, which waits for the device, engines are measured with
// `memory`, whose workspace is not used and whose result is written to only where the problem does
// not accumulate. scratch: for workspaces.
enum status cudnn_plan(struct cudnn *cudnn, const struct conv_problem *problem,
                       const struct conv_memory *memory, cudnn_scratch scratch, void *context,
                       const struct conv_plan **plan) MUST_USE;

// Queues the convolution.
enum status cudnn_run(struct cudnn *cudnn, const struct conv_plan *plan,
                      const struct conv_memory *memory) MUST_USE;

// "forward 8x100x136x256 f32, 512x3x3x256 f32, stride 1, padding 1, relu" for messages.
enum { CONV_TEXT_BYTES = 192 };
const char *conv_problem_text(const struct conv_problem *problem, char text[CONV_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif
#endif

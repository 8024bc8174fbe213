// Shared by onednn*.c: the differences between oneDNN 2.x and 3.x, and error handling.
#ifndef TARN_CPU_ONEDNN_INTERNAL_H
#define TARN_CPU_ONEDNN_INTERNAL_H

#include <oneapi/dnnl/dnnl.h>

#include "cpu/onednn.h"

#ifdef __cplusplus
extern "C" {
#endif

// In 2.x a memory descriptor is a plain struct, in 3.x an owned handle.
typedef dnnl_memory_desc_t owned_md;
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t borrowed_md;
#else
typedef const dnnl_memory_desc_t *borrowed_md;
#endif

struct conv_primitive {
    dnnl_primitive_t run;
    dnnl_primitive_t pack; // reorder between plain and the primitive's weights; NULL: the same
    dnnl_stream_t stream;  // borrowed
    dnnl_memory_t x, y, w, w_plain, bias, residual, scratch; // handles are set at each run
};

struct onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct conv_plan **plans; // hash table, open addressing, a power of two of slots
    size_t n_plans, n_slots;
    owned_md *layouts; // layouts of packed weights met so far
    size_t n_layouts, layouts_capacity;
};

// OK, or ERR_DEVICE (ERR_MEMORY) with oneDNN's reason: "oneDNN: <what>: out of memory".
enum status onednn_check(dnnl_status_t result, const char *what) MUST_USE;

enum status md_create(owned_md *md, int rank, const dnnl_dims_t dims,
                      dnnl_format_tag_t tag) MUST_USE;
enum status md_copy(owned_md *copy, borrowed_md md) MUST_USE;
void md_destroy(owned_md *md);
borrowed_md md_borrow(const owned_md *md);

enum status memory_create(dnnl_memory_t *memory, borrowed_md md, dnnl_engine_t engine) MUST_USE;
enum status reorder_create(dnnl_primitive_t *reorder, borrowed_md from, borrowed_md to,
                           dnnl_engine_t engine) MUST_USE;

// Builds plan->primitive and fills the plan; plan->problem is set.
enum status conv_plan_build(struct onednn *onednn, struct conv_plan *plan) MUST_USE;
void conv_primitive_destroy(struct conv_primitive *primitive);

#ifdef __cplusplus
}
#endif
#endif

#include "cpu/onednn_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

// A step of a detector with multi-scale training meets a few thousand problems; oneDNN's own
// default of 1,024 primitives would be refilled at every new image shape.
enum { PRIMITIVE_CAPACITY = 16384 };

enum status onednn_check(dnnl_status_t result, const char *what)
{
    switch (result) {
    case dnnl_success: return OK;
    case dnnl_out_of_memory: return fail(ERR_MEMORY, "oneDNN: %s: out of memory", what);
    case dnnl_unimplemented: return fail(ERR_DEVICE, "oneDNN: %s: not implemented", what);
    case dnnl_invalid_arguments: return fail(ERR_DEVICE, "oneDNN: %s: invalid arguments", what);
    default: return fail(ERR_DEVICE, "oneDNN: %s: status %d", what, (int)result);
    }
}

enum status onednn_create(struct onednn **out)
{
    struct onednn *onednn = (struct onednn *)mem_alloc(1, sizeof *onednn);
    if (!onednn) return ERR_MEMORY;
    enum status status = OK;
    GUARD(onednn_check(dnnl_set_primitive_cache_capacity(PRIMITIVE_CAPACITY), "cache capacity"));
    GUARD(onednn_check(dnnl_engine_create(&onednn->engine, dnnl_cpu, 0), "engine"));
    GUARD(onednn_check(
        dnnl_stream_create(&onednn->stream, onednn->engine, dnnl_stream_default_flags), "stream"));
    *out = onednn;
    onednn = NULL;
done:
    onednn_destroy(onednn);
    return status;
}

void onednn_destroy(struct onednn *onednn)
{
    if (!onednn) return;
    for (size_t i = 0; i < onednn->n_slots; i++) {
        if (!onednn->plans[i]) continue;
        conv_primitive_destroy(onednn->plans[i]->primitive);
        mem_free(onednn->plans[i]);
    }
    mem_free(onednn->plans);
    for (size_t i = 0; i < onednn->n_layouts; i++) md_destroy(&onednn->layouts[i]);
    mem_free(onednn->layouts);
    if (onednn->stream) dnnl_stream_destroy(onednn->stream);
    if (onednn->engine) dnnl_engine_destroy(onednn->engine);
    mem_free(onednn);
}

static const char *instruction_set(void)
{
    // The values are bit sets that 3.x renumbers; only the names are common to all versions.
    switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
#if DNNL_VERSION_MAJOR >= 3
    case dnnl_cpu_isa_avx512_core_fp16: return "avx512_core_fp16";
#endif
    default: return "isa of its own choice";
    }
}

void onednn_describe(char *text, size_t n_bytes)
{
    const dnnl_version_t *version = dnnl_version();
    (void)snprintf(text, n_bytes, "oneDNN %d.%d.%d %s", version->major, version->minor,
                   version->patch, instruction_set());
}

enum status onednn_sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k,
                         const float *a, const float *b, float beta, float *c)
{
    return onednn_check(dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f,
                                   a, transpose_a ? m : k, b, transpose_b ? k : n, beta, c, n),
                        "matrix product");
}

enum status memory_create(dnnl_memory_t *memory, borrowed_md md, dnnl_engine_t engine)
{
    return onednn_check(dnnl_memory_create(memory, md, engine, DNNL_MEMORY_NONE), "memory");
}

enum status reorder_create(dnnl_primitive_t *reorder, borrowed_md from, borrowed_md to,
                           dnnl_engine_t engine)
{
    dnnl_primitive_desc_t pd = NULL;
    TRY(onednn_check(dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, NULL),
                     "reorder"));
    dnnl_status_t result = dnnl_primitive_create(reorder, pd);
    dnnl_primitive_desc_destroy(pd);
    return onednn_check(result, "reorder");
}

#if DNNL_VERSION_MAJOR >= 3
enum status md_create(owned_md *md, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    return onednn_check(dnnl_memory_desc_create_with_tag(md, rank, dims, dnnl_f32, tag),
                        "memory descriptor");
}

enum status md_copy(owned_md *copy, borrowed_md md)
{
    return onednn_check(dnnl_memory_desc_clone(copy, md), "memory descriptor");
}

void md_destroy(owned_md *md)
{
    if (*md) dnnl_memory_desc_destroy(*md);
    *md = NULL;
}

borrowed_md md_borrow(const owned_md *md)
{
    return *md;
}
#else
enum status md_create(owned_md *md, int rank, const dnnl_dims_t dims, dnnl_format_tag_t tag)
{
    return onednn_check(dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, tag),
                        "memory descriptor");
}

enum status md_copy(owned_md *copy, borrowed_md md)
{
    *copy = *md;
    return OK;
}

void md_destroy(owned_md *md)
{
    (void)md;
}

borrowed_md md_borrow(const owned_md *md)
{
    return md;
}
#endif

// ---- the cache of plans ----------------------------------------------------------------------

static size_t hash_problem(const struct conv_problem *problem)
{
    const int32_t *word = (const int32_t *)problem;
    uint64_t hash = 1469598103934665603u; // FNV-1a over words
    for (size_t i = 0; i < sizeof *problem / sizeof *word; i++) {
        hash ^= (uint32_t)word[i];
        hash *= 1099511628211u;
    }
    return (size_t)(hash ^ (hash >> 32));
}

static struct conv_plan **find_slot(struct conv_plan **plans, size_t n_slots,
                                    const struct conv_problem *problem)
{
    size_t slot = hash_problem(problem) & (n_slots - 1);
    while (plans[slot] && memcmp(&plans[slot]->problem, problem, sizeof *problem) != 0)
        slot = (slot + 1) & (n_slots - 1);
    return &plans[slot];
}

static enum status grow_table(struct onednn *onednn)
{
    size_t n_slots = onednn->n_slots ? onednn->n_slots * 2 : 256;
    struct conv_plan **plans = (struct conv_plan **)mem_alloc(n_slots, sizeof(struct conv_plan *));
    if (!plans) return ERR_MEMORY;
    for (size_t i = 0; i < onednn->n_slots; i++) {
        struct conv_plan *plan = onednn->plans[i];
        if (plan) *find_slot(plans, n_slots, &plan->problem) = plan;
    }
    mem_free(onednn->plans);
    onednn->plans = plans;
    onednn->n_slots = n_slots;
    return OK;
}

enum status onednn_conv_plan(struct onednn *onednn, const struct conv_problem *problem,
                             const struct conv_plan **out)
{
    if (2 * (onednn->n_plans + 1) > onednn->n_slots) TRY(grow_table(onednn));
    struct conv_plan **slot = find_slot(onednn->plans, onednn->n_slots, problem);
    if (!*slot) {
        struct conv_plan *plan = (struct conv_plan *)mem_alloc(1, sizeof *plan);
        if (!plan) return ERR_MEMORY;
        plan->problem = *problem;
        enum status status = conv_plan_build(onednn, plan);
        if (status != OK) {
            mem_free(plan);
            return status;
        }
        *slot = plan;
        onednn->n_plans++;
    }
    *out = *slot;
    return OK;
}

#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/sanitizer.h"
#include "cpu/isa.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"
#include "cpu/packed_weights.h"

static const struct op_kernels kernels[N_OPS] = {
#define OP(name)         {cpu_##name##_forward, cpu_##name##_backward},
#define OP_NO_GRAD(name) {cpu_##name##_forward, NULL},
#include "nn/ops.def"
#undef OP
#undef OP_NO_GRAD
};

static enum status copy(struct backend *backend, void *to, const void *from, size_t bytes)
{
    (void)backend;
    if (bytes) memcpy(to, from, bytes);
    return OK;
}

static enum status zero(struct backend *backend, void *memory, size_t bytes)
{
    (void)backend;
    if (bytes) memset(memory, 0, bytes);
    return OK;
}

static enum status fill(struct backend *backend, void *memory, float value, size_t n_floats)
{
    (void)backend;
    float *x = (float *)memory;
    for (size_t i = 0; i < n_floats; i++) x[i] = value;
    return OK;
}

static enum status synchronize(struct backend *backend)
{
    (void)backend;
    return OK;
}

static void free_scratch(struct cpu_backend *cpu)
{
    MEMORY_SHOW(cpu->scratch, cpu->scratch_bytes);
    mem_unmap(cpu->scratch, cpu->scratch_bytes);
}

static enum status scratch(struct backend *backend, size_t bytes, void **memory)
{
    struct cpu_backend *cpu = (struct cpu_backend *)backend;
    enum { GRAIN = 2 << 20 };
    if (bytes > cpu->scratch_bytes) {
        if (bytes > SIZE_MAX - GRAIN) return fail(ERR_MEMORY, "scratch of %zu bytes", bytes);
        size_t rounded = (bytes + GRAIN - 1) / GRAIN * GRAIN;
        void *fresh = mem_map(rounded);
        if (!fresh) return fail_context(ERR_MEMORY, "scratch: ");
        free_scratch(cpu);
        cpu->scratch = fresh;
        cpu->scratch_bytes = rounded;
    }
    MEMORY_HIDE(cpu->scratch, cpu->scratch_bytes);
    MEMORY_SHOW(cpu->scratch, bytes);
    *memory = cpu->scratch;
    return OK;
}

static void params_changed(struct backend *backend)
{
    packed_weights_invalidate(((struct cpu_backend *)backend)->packed);
}

static void describe(struct backend *backend, char *text, size_t n_bytes)
{
    const struct cpu_backend *cpu = (const struct cpu_backend *)backend;
    char library[96];
    onednn_describe(library, sizeof library);
    (void)snprintf(text, n_bytes, "cpu: %s, own kernels %s, %d thread%s", library,
                   isa_name(isa_level()), cpu->n_threads, cpu->n_threads == 1 ? "" : "s");
}

static void destroy(struct backend *backend)
{
    struct cpu_backend *cpu = (struct cpu_backend *)backend;
    packed_weights_destroy(cpu->packed);
    onednn_destroy(cpu->onednn);
    free_scratch(cpu);
    mem_free(cpu);
}

enum status backend_create_cpu(int n_threads, struct backend **backend)
{
    TRY(isa_check());
    if (n_threads < 0) return fail(ERR_USAGE, "%d threads: expected 0 (all) or more", n_threads);
    struct cpu_backend *cpu = (struct cpu_backend *)mem_alloc(1, sizeof *cpu);
    if (!cpu) return ERR_MEMORY;
    cpu->base = (struct backend){
        .name = "cpu",
        .kernels = kernels,
        .memory = arena_host_source,
        .upload = copy,
        .download = copy,
        .zero = zero,
        .fill = fill,
        .synchronize = synchronize,
        .pinned = arena_host_source,
        .download_later = copy,
        .uploads_done = synchronize,
        .scratch = scratch,
        .params_changed = params_changed,
        .describe = describe,
        .destroy = destroy,
    };
    // oneDNN asks OpenMP for the number, so it is a property of this thread, not of the backend.
    if (n_threads > 0) omp_set_num_threads(n_threads);
    cpu->n_threads = omp_get_max_threads();
    enum status status = OK;
    GUARD(onednn_create(&cpu->onednn));
    GUARD(packed_weights_create(&cpu->packed));
    *backend = &cpu->base;
    cpu = NULL;
done:
    if (cpu) destroy(&cpu->base);
    return status;
}

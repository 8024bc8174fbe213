#include "cuda/library.h"

#include <string.h>

#include "base/mem.h"
#include "cuda/graph.h"

struct cuda_weights {
    const void *w, *scale;
    enum dtype dtype;
    void *form;
    size_t bytes;
    unsigned generation;
};

enum status cuda_library_of(const struct op_call *call, struct cuda_library **library)
{
    struct cuda_backend *backend = cuda_of(call);
    if (backend->library) {
        *library = backend->library;
        return OK;
    }
    struct cuda_library *made = (struct cuda_library *)mem_alloc(1, sizeof *made);
    if (!made) return ERR_MEMORY;
    made->backend = backend;
    enum status status = cudnn_create(backend->stream, true, &made->cudnn);
    if (status == OK) status = blas_create(backend->stream, &made->blas);
    if (status != OK) {
        cuda_library_destroy(made);
        return status;
    }
    *library = backend->library = made;
    return OK;
}

static void library_put(struct cuda_library *library, void *memory, size_t bytes)
{
    const struct arena_source *source = &library->backend->base.memory;
    if (memory) source->put(source->context, memory, bytes);
}

void cuda_library_destroy(struct cuda_library *library)
{
    if (!library) return;
    cudnn_destroy(library->cudnn);
    blas_destroy(library->blas);
    library_put(library, library->workspace, library->workspace_bytes);
    for (size_t i = 0; i < library->n_weights; i++)
        library_put(library, library->weights[i].form, library->weights[i].bytes);
    mem_free(library->weights);
    mem_free(library);
}

void cuda_library_params_changed(struct cuda_library *library)
{
    if (library) library->generation++;
}

enum status cuda_workspace(void *context, size_t bytes, void **memory)
{
    struct cuda_library *library = (struct cuda_library *)context;
    const struct arena_source *source = &library->backend->base.memory;
    if (bytes > library->workspace_bytes) {
        // First the old one: both need not fit.
        library_put(library, library->workspace, library->workspace_bytes);
        cuda_graphs_forget(library->backend->graphs);
        library->workspace_bytes = 0;
        library->workspace = source->get(source->context, bytes);
        if (!library->workspace) return fail_context(ERR_MEMORY, "workspace: ");
        library->workspace_bytes = bytes;
    }
    *memory = library->workspace;
    return OK;
}

static struct cuda_weights *weights_find(struct cuda_library *library, const void *w,
                                         const void *scale, enum dtype dtype)
{
    for (size_t i = 0; i < library->n_weights; i++) {
        struct cuda_weights *entry = &library->weights[i];
        if (entry->w == w && entry->scale == scale && entry->dtype == dtype) return entry;
    }
    return NULL;
}

enum status cuda_weights_get(struct cuda_library *library, const struct op_call *call,
                             const struct tensor *w, const struct tensor *scale, enum dtype dtype,
                             const void **form)
{
    const struct arena_source *source = &library->backend->base.memory;
    const void *factor = scale ? scale->data : NULL;
    size_t n = tensor_count(w), bytes = n * dtype_bytes(dtype);
    if (!scale && dtype == DTYPE_F32) {
        *form = w->data;
        return OK;
    }
    struct cuda_weights *entry = weights_find(library, w->data, factor, dtype);
    if (entry && entry->bytes < bytes) { // other memory at the same place: no parameter
        cuda_graphs_forget(library->backend->graphs);
        library_put(library, entry->form, entry->bytes);
        *entry = library->weights[--library->n_weights];
        entry = NULL;
    }
    bool is_fresh = entry && entry->generation == library->generation && w->is_param;
    if (!entry) {
        TRY(mem_reserve(&library->weights, &library->weights_capacity, library->n_weights + 1,
                        sizeof *library->weights));
        void *memory = source->get(source->context, bytes);
        if (!memory) return ERR_MEMORY;
        entry = &library->weights[library->n_weights++];
        *entry = {w->data, factor, dtype, memory, bytes, 0};
    }
    *form = entry->form;
    if (is_fresh) return OK;
    entry->generation = library->generation;
    return cuda_rows_add(call, {entry->form, dtype}, 0.0f, {w->data, DTYPE_F32},
                         (const float *)factor, n, w->shape[0] ? n / (size_t)w->shape[0] : 1);
}

enum status cuda_product(struct cuda_library *library, const struct op_call *call,
                         const struct blas_product *product)
{
    struct blas_problem problem;
    const struct blas_plan *plan;
    void *workspace = NULL;
    memset(&problem, 0, sizeof problem); // compared byte by byte
    problem.m = product->shape.m;
    problem.n = product->shape.n;
    problem.k = product->shape.k;
    problem.transpose_a = product->transpose_a;
    problem.transpose_b = product->transpose_b;
    problem.input_dtype = product->a.dtype;
    problem.result_dtype = product->c.dtype;
    problem.accumulate = product->beta != 0.0f;
    problem.bias = product->bias != NULL;
    problem.relu = product->relu;
    problem.tf32 = cuda_of(call)->tf32 && product->a.dtype == DTYPE_F32;
    TRY(blas_plan_of(library->blas, &problem, &plan));
    TRY(cuda_workspace(library, plan->workspace_bytes, &workspace));
    return blas_run(library->blas, plan, product->a.data, product->b.data, product->bias,
                    product->c.data, workspace);
}

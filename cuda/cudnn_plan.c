#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "cuda/cudnn_engine.h"

struct conv_executable {
    struct conv_graph graph;
    cudnnBackendDescriptor_t plan;
};

struct cudnn {
    struct cudnn_target target;
    struct CUstream_st *stream;
    struct conv_plan **plans;
    size_t n, capacity;
    struct plan_list known;
    char title[160], file[PATH_BYTES]; // file: empty for none
    cudaEvent_t start, stop;
};

// Engines with more workspace are tried only where there are no others: a hundred convolutions
// share it, and it stays.
enum { WARM_UP = 1, RUNS = 5, MUCH_WORKSPACE = 512 << 20 };

void cudnn_describe(char *text, size_t n_bytes)
{
    size_t v = cudnnGetVersion();
    snprintf(text, n_bytes, "cuDNN %zu.%zu.%zu", v / 10000, v % 10000 / 100, v % 100);
}

static enum status check_cuda(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return OK;
    (void)cudaGetLastError();
    return fail(ERR_DEVICE, "cuda: %s: %s", what, cudaGetErrorString(error));
}

// ---- one plan ----------------------------------------------------------------------------------

static void executable_free(struct conv_executable *e)
{
    if (!e) return;
    if (e->plan) (void)cudnnBackendDestroyDescriptor(e->plan);
    conv_graph_free(&e->graph);
    mem_free(e);
}

static void plan_free(struct conv_plan *plan)
{
    if (!plan) return;
    executable_free(plan->executable);
    mem_free(plan);
}

enum status cudnn_run(struct cudnn *cudnn, const struct conv_plan *plan,
                      const struct conv_memory *memory)
{
    const struct conv_problem *p = &plan->problem;
    int64_t uids[5] = {UID_X, UID_W, UID_Y};
    const void *pointers[5] = {memory->x, memory->w, memory->y};
    int n = 3;
    pointers[p->kind == CONV_FORWARD         ? 2
             : p->kind == CONV_BACKWARD_DATA ? 0
                                             : 1] = memory->result;
    if (p->bias) {
        uids[n] = UID_BIAS;
        pointers[n++] = memory->bias;
    }
    if (p->residual) {
        uids[n] = UID_RESIDUAL;
        pointers[n++] = memory->residual;
    }
    cudnnBackendDescriptor_t pack = NULL;
    enum status status = OK;
    GUARD(cudnn_check(cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack),
                      "new descriptor"));
    GUARD(cudnn_set(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, uids));
    GUARD(cudnn_set(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n, pointers));
    GUARD(cudnn_set(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
                    &memory->workspace));
    GUARD(cudnn_check(cudnnBackendFinalize(pack), "variant pack"));
    GUARD(cudnn_check(cudnnBackendExecute(cudnn->target.handle, plan->executable->plan, pack),
                      plan->engine));
done:
    if (pack) (void)cudnnBackendDestroyDescriptor(pack);
    if (status == OK) return OK;
    char text[CONV_TEXT_BYTES];
    return fail_context(ERR_DEVICE, "%s: ", conv_problem_text(p, text));
}

// The plan of a named engine, or ERR_UNSUPPORTED.
static enum status plan_create(const struct cudnn *cudnn, const struct conv_problem *problem,
                               const char *engine, struct conv_plan **plan)
{
    enum status status = OK;
    struct conv_executable *e = NULL;
    struct conv_plan *made = (struct conv_plan *)mem_alloc(1, sizeof *made);
    if (!made) return ERR_MEMORY;
    made->problem = *problem;
    e = made->executable = (struct conv_executable *)mem_alloc(1, sizeof *e);
    if (!e) {
        status = ERR_MEMORY;
        goto done;
    }
    snprintf(made->engine, sizeof made->engine, "%s", engine);
    GUARD(conv_graph_operations(problem, &e->graph));
    GUARD(conv_graph_finish(&cudnn->target, &e->graph));
    GUARD(engine_plan(&cudnn->target, &e->graph, engine, &e->plan, &made->workspace_bytes));
    made->supported = true;
    *plan = made;
    made = NULL;
done:
    plan_free(made);
    return status;
}

// ---- measuring ---------------------------------------------------------------------------------

static size_t result_bytes(const struct conv_problem *p)
{
    size_t x = (size_t)p->n * (size_t)p->h * (size_t)p->w * (size_t)p->c;
    size_t w = (size_t)p->o * (size_t)p->kh * (size_t)p->kw * (size_t)p->c;
    size_t y = (size_t)p->n * (size_t)p->oh * (size_t)p->ow * (size_t)p->o;
    size_t count = p->kind == CONV_FORWARD ? y : p->kind == CONV_BACKWARD_DATA ? x : w;
    return count * dtype_bytes((enum dtype)p->result_dtype);
}

struct measuring {
    const struct conv_memory *memory;
    cudnn_scratch scratch;
    void *context;
};

// Sorts a few numbers and takes the middle one.
static float median(float *values, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && values[k] < values[k - 1]; k--) {
            float swap = values[k];
            values[k] = values[k - 1];
            values[k - 1] = swap;
        }
    return values[n / 2];
}

// best: NULL, or the fastest plan so far. One that takes twice its time is not run again.
static enum status measure(struct cudnn *cudnn, const struct measuring *how,
                           const struct conv_plan *best, struct conv_plan *plan)
{
    struct conv_memory memory = *how->memory;
    size_t workspace = (plan->workspace_bytes + 255) / 256 * 256;
    size_t result = plan->problem.accumulate ? result_bytes(&plan->problem) : 0;
    float times[RUNS];
    void *scratch = NULL;
    TRY(how->scratch(how->context, workspace + result, &scratch));
    memory.workspace = scratch;
    if (result) {
        memory.result = (char *)scratch + workspace;
        TRY(check_cuda(cudaMemsetAsync(memory.result, 0, result, cudnn->stream), "zero"));
    }
    for (int i = -WARM_UP; i < RUNS; i++) {
        TRY(check_cuda(cudaEventRecord(cudnn->start, cudnn->stream), "event"));
        TRY(cudnn_run(cudnn, plan, &memory));
        TRY(check_cuda(cudaEventRecord(cudnn->stop, cudnn->stream), "event"));
        TRY(check_cuda(cudaEventSynchronize(cudnn->stop), plan->engine));
        if (i < 0) continue;
        TRY(check_cuda(cudaEventElapsedTime(&times[i], cudnn->start, cudnn->stop), "event"));
        plan->milliseconds = times[i];
        if (i == 0 && best && times[0] > 2.0f * best->milliseconds) return OK;
    }
    plan->milliseconds = median(times, RUNS);
    return OK;
}

// The fastest engine so far, and the first reason why another one could not be tried that is not
// cuDNN's refusal: with more memory, or another installation, that one might have been faster.
struct choice {
    struct conv_plan *best; // NULL: none
    enum status doubt;      // OK: none
    char reason[512];
};

static void note_doubt(struct choice *choice, enum status status)
{
    if (status == ERR_UNSUPPORTED || choice->doubt != OK) return;
    choice->doubt = status;
    snprintf(choice->reason, sizeof choice->reason, "%s", fail_message());
}

// Measures the engines of a list that need much workspace, or those that do not. An engine that
// cannot be built or needs more workspace than there is drops out.
static enum status choose_among(struct cudnn *cudnn, const struct conv_problem *problem,
                                const struct measuring *how, const struct engine_list *list,
                                bool much, struct choice *choice)
{
    for (int i = 0; i < list->n; i++) {
        struct conv_plan *plan = NULL;
        enum status status = plan_create(cudnn, problem, list->engines[i], &plan);
        if (status != OK) {
            note_doubt(choice, status);
            continue;
        }
        if ((plan->workspace_bytes > MUCH_WORKSPACE) != much) {
            plan_free(plan);
            continue;
        }
        status = measure(cudnn, how, choice->best, plan);
        if (status != OK) note_doubt(choice, status);
        if (status == OK &&
            (!choice->best || plan->milliseconds < choice->best->milliseconds)) {
            struct conv_plan *slower = choice->best;
            choice->best = plan;
            plan = slower;
        }
        plan_free(plan);
        if (status == ERR_DEVICE && cudaStreamSynchronize(cudnn->stream) != cudaSuccess)
            return status; // the device itself failed
    }
    return OK;
}

// The fastest of the heuristics' engines.
static enum status choose(struct cudnn *cudnn, const struct conv_problem *problem,
                          const struct measuring *how, struct choice *choice)
{
    struct conv_graph graph;
    struct engine_list list = {.n = 0};
    enum status status = conv_graph_operations(problem, &graph);
    if (status == OK) status = conv_graph_finish(&cudnn->target, &graph);
    if (status == OK) status = engine_list_find(&cudnn->target, problem, &graph, &list);
    conv_graph_free(&graph);
    if (status == ERR_UNSUPPORTED) return OK;
    TRY(status);
    status = choose_among(cudnn, problem, how, &list, false, choice);
    if (status == OK && !choice->best)
        status = choose_among(cudnn, problem, how, &list, true, choice);
    if (status == OK && !choice->best && choice->doubt == ERR_MEMORY)
        status = fail(ERR_MEMORY, "%s", choice->reason);
    if (status == OK && !choice->best && choice->doubt != OK)
        log_warn("a convolution without a kernel of its own: %s", choice->reason);
    if (status == OK) return OK;
    plan_free(choice->best);
    choice->best = NULL;
    return status;
}

// ---- the cache ---------------------------------------------------------------------------------

static void remember(struct cudnn *cudnn, const struct conv_problem *problem, const char *engine)
{
    enum status status = plan_list_set(&cudnn->known, problem, engine);
    if (!cudnn->file[0]) return;
    if (status == OK) status = plan_list_save(cudnn->file, cudnn->title, &cudnn->known);
    if (status == OK) return;
    log_warn("the choice of convolution kernels is not kept for the next run: %s",
             fail_message());
    cudnn->file[0] = 0;
}

// From the file, or of a problem that differs in size alone.
static struct conv_plan *recall(const struct cudnn *cudnn, const struct conv_problem *problem,
                                bool *is_exact)
{
    struct conv_plan *plan = NULL;
    const struct plan_entry *entry = plan_list_find(&cudnn->known, problem);
    *is_exact = entry != NULL;
    if (!entry) entry = plan_list_similar(&cudnn->known, problem);
    if (!entry) return NULL;
    if (entry->engine[0])
        return plan_create(cudnn, problem, entry->engine, &plan) == OK ? plan : NULL;
    plan = (struct conv_plan *)mem_alloc(1, sizeof *plan); // nothing supports it
    if (plan) plan->problem = *problem;
    return plan;
}

enum status cudnn_plan(struct cudnn *cudnn, const struct conv_problem *problem,
                       const struct conv_memory *memory, cudnn_scratch scratch, void *context,
                       const struct conv_plan **plan)
{
    for (size_t i = 0; i < cudnn->n; i++) {
        if (memcmp(&cudnn->plans[i]->problem, problem, sizeof *problem) != 0) continue;
        *plan = cudnn->plans[i];
        return OK;
    }
    TRY(mem_reserve(&cudnn->plans, &cudnn->capacity, cudnn->n + 1, sizeof *cudnn->plans));
    bool is_exact = false;
    struct choice choice = {.doubt = OK};
    struct conv_plan *made = recall(cudnn, problem, &is_exact);
    if (!made) {
        struct measuring how = {memory, scratch, context};
        is_exact = false;
        TRY(choose(cudnn, problem, &how, &choice));
        made = choice.best;
    }
    // What another run may find better is not kept for it.
    bool is_kept = choice.doubt == OK || (made && choice.doubt != ERR_MEMORY);
    if (!made) {
        made = (struct conv_plan *)mem_alloc(1, sizeof *made);
        if (!made) return ERR_MEMORY;
        made->problem = *problem;
    }
    if (!is_exact && is_kept) remember(cudnn, problem, made->engine);
    cudnn->plans[cudnn->n++] = made;
    *plan = made;
    return OK;
}

// One file for each device and library. One that cannot be read is no reason not to compute.
static void open_file(struct cudnn *cudnn)
{
    char name[48];
    uint64_t hash = hash_bytes(HASH_START, cudnn->title, strlen(cudnn->title));
    snprintf(name, sizeof name, "convolutions-%016" PRIx64 ".txt", hash);
    if (!plan_file_path(name, cudnn->file, sizeof cudnn->file)) {
        cudnn->file[0] = 0;
    } else if (plan_list_load(cudnn->file, cudnn->title, &cudnn->known) != OK) {
        log_warn("%s", fail_message());
        cudnn->file[0] = 0;
    }
}

enum status cudnn_create(struct CUstream_st *stream, bool remembers, struct cudnn **cudnn)
{
    struct cudaDeviceProp properties;
    int device = 0;
    enum status status = OK;
    struct cudnn *c = (struct cudnn *)mem_alloc(1, sizeof *c);
    if (!c) return ERR_MEMORY;
    c->stream = stream;
    GUARD(cudnn_check(cudnnCreate(&c->target.handle), "start"));
    GUARD(cudnn_check(cudnnSetStream(c->target.handle, stream), "stream"));
    GUARD(check_cuda(cudaEventCreate(&c->start), "event"));
    GUARD(check_cuda(cudaEventCreate(&c->stop), "event"));
    GUARD(check_cuda(cudaGetDevice(&device), "device"));
    GUARD(check_cuda(cudaGetDeviceProperties(&properties, device), "device"));
    snprintf(c->title, sizeof c->title, "tarn plans 1 | %.80s | %d multiprocessors | cuDNN %zu",
             properties.name, properties.multiProcessorCount, cudnnGetVersion());
    if (remembers) open_file(c);
    *cudnn = c;
    return OK;
done:
    cudnn_destroy(c);
    return status == ERR_UNSUPPORTED ? fail_context(ERR_DEVICE, "the CUDA backend: ") : status;
}

void cudnn_destroy(struct cudnn *cudnn)
{
    if (!cudnn) return;
    for (size_t i = 0; i < cudnn->n; i++) plan_free(cudnn->plans[i]);
    mem_free(cudnn->plans);
    plan_list_free(&cudnn->known);
    if (cudnn->start) (void)cudaEventDestroy(cudnn->start);
    if (cudnn->stop) (void)cudaEventDestroy(cudnn->stop);
    if (cudnn->target.handle) (void)cudnnDestroy(cudnn->target.handle);
    mem_free(cudnn);
}

#include "cuda/graph.h"

#include <cuda_runtime.h>

#include "base/log.h"
#include "base/mem.h"

enum { GRAPHS_MAX = 256 }; // two a shape; the one that was not used for longest goes first

struct graph_entry {
    uint64_t key, used;
    cudaGraphExec_t graph; // NULL: run once so far
};

struct cuda_graphs {
    struct CUstream_st *stream;
    struct graph_entry entries[GRAPHS_MAX];
    int n;
    uint64_t clock, generation;
    bool is_refused; // something in a sequence cannot be recorded: none is, from then on
};

enum status cuda_graphs_create(struct CUstream_st *stream, struct cuda_graphs **graphs)
{
    struct cuda_graphs *g = (struct cuda_graphs *)mem_alloc(1, sizeof *g);
    if (!g) return ERR_MEMORY;
    g->stream = stream;
    *graphs = g;
    return OK;
}

static void graph_free(struct graph_entry *entry)
{
    if (entry->graph) (void)cudaGraphExecDestroy(entry->graph);
    entry->graph = NULL;
}

void cuda_graphs_forget(struct cuda_graphs *graphs)
{
    if (!graphs) return;
    for (int i = 0; i < graphs->n; i++) graph_free(&graphs->entries[i]);
    graphs->n = 0;
    graphs->generation++;
}

void cuda_graphs_destroy(struct cuda_graphs *graphs)
{
    cuda_graphs_forget(graphs);
    mem_free(graphs);
}

static struct graph_entry *graph_find(struct cuda_graphs *graphs, uint64_t key)
{
    for (int i = 0; i < graphs->n; i++)
        if (graphs->entries[i].key == key) return &graphs->entries[i];
    return NULL;
}

static struct graph_entry *graph_add(struct cuda_graphs *graphs, uint64_t key)
{
    struct graph_entry *entry = &graphs->entries[0];
    if (graphs->n < GRAPHS_MAX) {
        entry = &graphs->entries[graphs->n++];
    } else {
        for (int i = 1; i < GRAPHS_MAX; i++)
            if (graphs->entries[i].used < entry->used) entry = &graphs->entries[i];
        graph_free(entry);
    }
    entry->key = key;
    entry->graph = NULL;
    return entry;
}

static enum status graph_fail(const char *what, cudaError_t error)
{
    (void)cudaGetLastError();
    return fail(ERR_DEVICE, "cuda: %s: %s", what, cudaGetErrorString(error));
}

// Nothing is computed meanwhile.
static enum status graph_record(struct cuda_graphs *graphs, enum status (*run)(void *context),
                                void *context, cudaGraphExec_t *made)
{
    cudaGraph_t graph = NULL;
    cudaError_t error =
        cudaStreamBeginCapture(graphs->stream, cudaStreamCaptureModeThreadLocal);
    if (error != cudaSuccess) return graph_fail("recording", error);
    enum status status = run(context);
    error = cudaStreamEndCapture(graphs->stream, &graph);
    if (status == OK && error != cudaSuccess) status = graph_fail("recording", error);
    if (status == OK) {
        error = cudaGraphInstantiate(made, graph, 0);
        if (error != cudaSuccess) status = graph_fail("graph", error);
    }
    if (graph) (void)cudaGraphDestroy(graph);
    return status;
}

enum status cuda_graphs_run(struct cuda_graphs *graphs, uint64_t key,
                            enum status (*run)(void *context), void *context)
{
    struct graph_entry *entry = graph_find(graphs, key);
    if (!entry) {
        // The entry is made after the run: it may move memory, which forgets all entries.
        TRY(run(context));
        graph_add(graphs, key)->used = ++graphs->clock;
        return OK;
    }
    if (graphs->is_refused) return run(context);
    if (!entry->graph) {
        uint64_t before = graphs->generation;
        cudaGraphExec_t made = NULL;
        if (graph_record(graphs, run, context, &made) != OK) {
            graphs->is_refused = true;
            log_warn("operations are started one by one: %s", fail_message());
            return run(context); // if the device itself failed, it says so here
        }
        if (graphs->generation != before) {
            (void)cudaGraphExecDestroy(made);
            return run(context);
        }
        entry->graph = made;
    }
    entry->used = ++graphs->clock;
    cudaError_t error = cudaGraphLaunch(entry->graph, graphs->stream);
    return error == cudaSuccess ? OK : graph_fail("graph", error);
}

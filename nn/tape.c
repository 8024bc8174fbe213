#include "nn/tape.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "nn/block_pool.h"

enum status tape_create(struct backend *backend, struct tape **tape)
{
    struct tape *t = (struct tape *)mem_alloc(1, sizeof *t);
    if (!t) return ERR_MEMORY;
    t->backend = backend;
    arena_init(&t->host, &arena_host_source);
    // A dry tape needs no backend; it never asks for device memory.
    enum status status =
        block_pool_create(backend ? &backend->memory : &arena_host_source, &t->blocks);
    if (status != OK) {
        mem_free(t);
        return status;
    }
    t->dry = backend == NULL;
    *tape = t;
    return OK;
}

void tape_destroy(struct tape *tape)
{
    if (!tape) return;
    block_pool_destroy(tape->blocks);
    arena_free(&tape->host);
    mem_free(tape->nodes);
    mem_free(tape);
}

void tape_reset(struct tape *tape)
{
    tape->n_nodes = 0;
    tape->is_deferring = false;
    block_pool_reset(tape->blocks);
    arena_reset(&tape->host);
}

enum status tape_tensor(struct tape *tape, enum dtype dtype, int rank, const int64_t *shape,
                        struct tensor **tensor)
{
    struct tensor *t = (struct tensor *)arena_alloc_zeroed(&tape->host, sizeof *t);
    if (!t) return ERR_MEMORY;
    *t = tensor_wrap(dtype, rank, shape, NULL);
    t->is_constant = false;
    if (dtype == DTYPE_BF16 && tape->backend && tape->backend->bf16) t->grad_dtype = DTYPE_BF16;
    size_t count = 1, bytes;
    for (int i = 0; i < rank; i++)
        if (shape[i] < 0 || !size_mul(count, (size_t)shape[i], &count))
            return fail(ERR_MEMORY, "a tensor's size overflows");
    if (!size_mul(count, dtype_bytes(dtype), &bytes))
        return fail(ERR_MEMORY, "a tensor's size overflows");
    if (!tape->dry) {
        t->data = block_pool_get(tape->blocks, bytes);
        if (!t->data) {
            char text[TENSOR_TEXT_BYTES];
            return fail_context(ERR_MEMORY, "a tensor of %s: ", tensor_text(t, text));
        }
    }
    *tensor = t;
    return OK;
}

enum status tape_upload(struct tape *tape, enum dtype dtype, int rank, const int64_t *shape,
                        const void *host, struct tensor **tensor)
{
    struct tensor *t;
    assert(!tape->is_deferring);
    TRY(tape_tensor(tape, dtype, rank, shape, &t));
    if (!tape->dry)
        TRY(tape->backend->upload(tape->backend, t->data, host, tensor_bytes(t)));
    *tensor = t;
    return OK;
}

void tape_drop(struct tape *tape, struct tensor *tensor)
{
    if (!tensor || tape->dry || tensor->is_constant || tensor->is_param || tensor->is_saved) return;
    if (!tensor->data) return;
    block_pool_put(tape->blocks, tensor->data, !tape->is_deferring);
    tensor->data = NULL;
}

static enum status run_kernel(struct tape *tape, struct tape_node *node, bool is_backward,
                              const struct op_backward_call *backward)
{
    const struct tape_observer *observer = &tape->observer;
    const struct op_kernels *kernels =
        tape->backend ? &tape->backend->kernels[node->op] : NULL;
    if (observer->before) observer->before(observer->context, node, is_backward);
    if (!tape->dry)
        TRY(is_backward ? kernels->backward(backward) : kernels->forward(&node->call));
    if (observer->after) observer->after(observer->context, node, is_backward);
    return OK;
}

// What a tensor is now: it may be dropped before the operation runs.
static enum status keep_tensor(struct tape *tape, struct tensor **tensor)
{
    if (!*tensor) return OK;
    struct tensor *kept = (struct tensor *)arena_alloc_zeroed(&tape->host, sizeof *kept);
    if (!kept) return ERR_MEMORY;
    *kept = **tensor;
    const struct tensor *valid = kept->valid;
    uint64_t key = tape->deferred_key;
    key = hash_bytes(key, &kept->dtype, sizeof kept->dtype);
    key = hash_bytes(key, kept->shape, sizeof kept->shape);
    tape->deferred_key = hash_bytes(key, &kept->data, sizeof kept->data);
    *tensor = kept;
    if (!valid) return OK;
    struct tensor *count = (struct tensor *)arena_alloc_zeroed(&tape->host, sizeof *count);
    if (!count) return ERR_MEMORY;
    *count = *valid;
    kept->valid = count;
    tape->deferred_key = hash_bytes(tape->deferred_key, &count->data, sizeof count->data);
    return OK;
}

static enum status defer_node(struct tape *tape, struct tape_node *node, size_t args_bytes)
{
    struct op_call *call = &node->call;
    tape->deferred_key = hash_bytes(tape->deferred_key, &node->op, sizeof node->op);
    tape->deferred_key = hash_bytes(tape->deferred_key, call->args, args_bytes);
    for (int i = 0; i < call->n_in; i++) TRY(keep_tensor(tape, &call->in[i]));
    for (int i = 0; i < call->n_out; i++) TRY(keep_tensor(tape, &call->out[i]));
    TRY(mem_reserve(&tape->nodes, &tape->capacity, tape->n_nodes + 1, sizeof *tape->nodes));
    tape->nodes[tape->n_nodes++] = node;
    return OK;
}

void tape_defer(struct tape *tape)
{
    if (tape->dry || tape->recording || tape->observer.before || tape->observer.after) return;
    if (!tape->backend->replay) return;
    tape->is_deferring = true;
    tape->deferred_key = HASH_START;
    tape->n_nodes = 0;
}

static enum status run_nodes(void *context)
{
    struct tape *tape = (struct tape *)context;
    for (size_t i = 0; i < tape->n_nodes; i++)
        TRY(run_kernel(tape, tape->nodes[i], false, NULL));
    return OK;
}

enum status tape_run_deferred(struct tape *tape)
{
    if (!tape->is_deferring) return OK;
    tape->is_deferring = false;
    enum status status = tape->backend->replay(tape->backend, tape->deferred_key, run_nodes, tape);
    tape->n_nodes = 0;
    return status;
}

enum status tape_run(struct tape *tape, enum op op, const void *args, size_t args_bytes, int n_in,
                     struct tensor *const *in, int n_out, struct tensor *const *out)
{
    assert(n_in <= OP_MAX_IN && n_out <= OP_MAX_OUT);
    struct tape_node *node = (struct tape_node *)arena_alloc_zeroed(&tape->host, sizeof *node);
    void *own_args = arena_alloc(&tape->host, args_bytes);
    if (!node || !own_args) return ERR_MEMORY;
    if (args_bytes) memcpy(own_args, args, args_bytes);

    node->op = op;
    struct op_call *call = &node->call;
    call->backend = tape->backend;
    call->args = own_args;
    call->n_in = n_in;
    call->n_out = n_out;
    bool needs_grad = false;
    for (int i = 0; i < n_in; i++) {
        call->in[i] = in[i];
        needs_grad = needs_grad || (in[i] && in[i]->needs_grad);
    }
    for (int i = 0; i < n_out; i++) call->out[i] = out[i];
    call->recording = tape->recording && needs_grad && op_has_gradient[op];
    call->training = tape->training;
    call->seed = tape->seed;
    call->step = tape->step;

    if (tape->is_deferring) return defer_node(tape, node, args_bytes);
    TRY(run_kernel(tape, node, false, NULL));
    if (!call->recording) return OK;
    TRY(mem_reserve(&tape->nodes, &tape->capacity, tape->n_nodes + 1, sizeof *tape->nodes));
    tape->nodes[tape->n_nodes++] = node;
    for (int i = 0; i < n_in; i++)
        if (in[i]) in[i]->is_saved = true;
    for (int i = 0; i < n_out; i++) out[i]->is_saved = true;
    // Outputs beside the first are saved values; nothing is differentiated through them.
    if (out[0]->dtype == DTYPE_F32 || out[0]->dtype == DTYPE_BF16) out[0]->needs_grad = true;
    return OK;
}

static enum status grad_memory(struct tape *tape, struct tensor *t)
{
    if (t->grad || tape->dry) return OK;
    t->grad = block_pool_get(tape->blocks, tensor_count(t) * dtype_bytes(t->grad_dtype));
    return t->grad ? OK : ERR_MEMORY;
}

static enum status node_backward(struct tape *tape, struct tape_node *node)
{
    struct op_call *call = &node->call;
    if (!call->out[0]->has_grad) return OK; // nothing depends on it
    struct op_backward_call backward = {.forward = call};
    for (int i = 0; i < call->n_in; i++) {
        struct tensor *in = call->in[i];
        if (!in || !in->needs_grad) continue;
        TRY(grad_memory(tape, in));
        backward.want[i] = true;
        backward.beta[i] = in->has_grad ? 1.0f : 0.0f;
        for (int j = 0; j < i; j++) // the same tensor twice in one call
            if (call->in[j] == in) backward.beta[i] = 1.0f;
    }
    TRY(run_kernel(tape, node, true, &backward));
    for (int i = 0; i < call->n_in; i++)
        if (backward.want[i]) call->in[i]->has_grad = true;

    struct tensor *out = call->out[0];
    if (!tape->dry && out->grad) block_pool_put(tape->blocks, out->grad, true);
    out->grad = NULL;
    out->has_grad = false;
    return OK;
}

enum status tape_backward(struct tape *tape, int n_roots, struct tensor *const *roots,
                          float seed_gradient)
{
    for (int i = 0; i < n_roots; i++) {
        struct tensor *root = roots[i];
        assert(root->grad_dtype == DTYPE_F32);
        if (!root->needs_grad) continue; // everything below it is frozen
        TRY(grad_memory(tape, root));
        if (!tape->dry)
            TRY(tape->backend->fill(tape->backend, root->grad, seed_gradient, 1));
        root->has_grad = true;
    }
    for (size_t i = tape->n_nodes; i-- > 0;) TRY(node_backward(tape, tape->nodes[i]));
    return OK;
}

enum status tape_backward_from(struct tape *tape, struct tensor *y, struct tensor *dy)
{
    assert(tensor_same_shape(y, dy) && dy->dtype == y->grad_dtype && !y->has_grad);
    if (!y->needs_grad) return OK;
    y->grad = dy->data;
    y->has_grad = true;
    dy->data = NULL;
    return tape_backward(tape, 0, NULL, 0.0f);
}

size_t tape_peak_bytes(const struct tape *tape)
{
    return block_pool_peak_bytes(tape->blocks);
}

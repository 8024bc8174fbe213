#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "tests/ops/harness.h"

// The tape's observer sees every kernel call, on a dry tape too: shapes are inferred by the
// operation itself, and the calls are then repeated in guarded memory.
static void capture(void *context, const struct tape_node *node, bool is_backward)
{
    struct op_run *run = (struct op_run *)context;
    if (is_backward) return;
    cr_assert(run->n_calls < MAX_CALLS);
    run->calls[run->n_calls++] = node->call;
    run->op = node->op;
    for (int i = 0; i < node->call.n_out; i++) {
        int known = 0;
        while (known < run->n_out && run->out[known] != node->call.out[i]) known++;
        if (known < run->n_out || !node->call.out[i]) continue;
        cr_assert(run->n_out < OP_MAX_OUT);
        run->out[run->n_out++] = node->call.out[i];
    }
}

enum status op_run_infer(struct op_run *run, struct backend *backend, enum op op,
                         const struct case_data data[OP_MAX_IN], const struct op_case *c)
{
    const struct op_cases *cases = op_case_table[op];
    memset(run, 0, sizeof *run);
    run->backend = backend;
    run->op = op;
    TRY(tape_create(backend, &run->tape));
    run->tape->dry = true;
    run->tape->recording = op_has_gradient[op];
    run->tape->training = c->training;
    run->tape->seed = CASE_SEED;
    run->tape->step = CASE_STEP;
    run->tape->observer.context = run;
    run->tape->observer.before = capture;
    struct tensor *in[OP_MAX_IN] = {0};
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (data[i].spec.rank == 0) continue;
        run->has_in[i] = true;
        run->in[i] = tensor_wrap(data[i].spec.dtype, data[i].spec.rank, data[i].spec.shape, NULL);
        run->in[i].needs_grad = (cases->differentiable >> i & 1u) != 0;
        if (data[i].spec.dtype == DTYPE_BF16 && backend->bf16) run->in[i].grad_dtype = DTYPE_BF16;
        in[i] = &run->in[i];
    }
    if (c->is_list) {
        const int64_t one = 1;
        run->n_valid = tensor_wrap(DTYPE_I32, 1, &one, NULL);
        run->in[0].valid = &run->n_valid;
    }
    TRY(cases->run(run->tape, in, c->args));
    cr_assert(run->n_calls > 0, "%s ran no kernel", op_names[op]);
    cr_assert_eq(run->op, op, "%s ran another operation's kernel", op_names[op]);
    cr_assert(!c->is_list || run->out[0]->valid == &run->n_valid,
              "%s does not hand on how many rows hold something", op_names[op]);
    return OK;
}

static size_t grad_bytes(const struct tensor *t)
{
    return tensor_count(t) * dtype_bytes(t->grad_dtype);
}

void op_run_allocate(struct op_run *run, const struct case_data data[OP_MAX_IN],
                     const struct op_case *c)
{
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!run->has_in[i]) continue;
        guarded_create(&run->in_data[i], run->backend, tensor_bytes(&run->in[i]));
        guarded_upload(&run->in_data[i], data[i].values);
        run->in[i].data = guarded_data(&run->in_data[i]);
        if (run->in[i].needs_grad) {
            guarded_create(&run->in_grad[i], run->backend, grad_bytes(&run->in[i]));
            run->in[i].grad = guarded_data(&run->in_grad[i]);
        }
    }
    if (c->is_list) {
        int32_t n_valid = c->n_valid;
        guarded_create(&run->n_valid_data, run->backend, sizeof n_valid);
        guarded_upload(&run->n_valid_data, &n_valid);
        run->n_valid.data = guarded_data(&run->n_valid_data);
    }
    for (int i = 0; i < run->n_out; i++) {
        guarded_create(&run->out_data[i], run->backend, tensor_bytes(run->out[i]));
        run->out[i]->data = guarded_data(&run->out_data[i]);
    }
    if (!op_has_gradient[run->op]) return;
    guarded_create(&run->out_grad, run->backend, grad_bytes(run->out[0]));
    run->out[0]->grad = guarded_data(&run->out_grad);
}

enum status op_run_forward(struct op_run *run)
{
    // Tensors are not parameters here, yet their contents change between runs.
    run->backend->params_changed(run->backend);
    for (int i = 0; i < run->n_calls; i++)
        TRY(run->backend->kernels[run->op].forward(&run->calls[i]));
    return run->backend->synchronize(run->backend);
}

// In the gradient's type.
static void upload_gradient(const struct guarded *memory, const struct tensor *t, const float *from)
{
    size_t n = tensor_count(t);
    if (t->grad_dtype != DTYPE_BF16) {
        guarded_upload(memory, from);
        return;
    }
    uint16_t *halves = (uint16_t *)mem_alloc(n, sizeof *halves);
    cr_assert(halves != NULL, "%s", fail_message());
    for (size_t i = 0; i < n; i++) halves[i] = bf16_cut(from[i]);
    guarded_upload(memory, halves);
    mem_free(halves);
}

enum status op_run_backward(struct op_run *run, unsigned want, const float *dy,
                            float *const initial[OP_MAX_IN])
{
    struct op_backward_call backward = {.forward = &run->calls[0]};
    upload_gradient(&run->out_grad, run->out[0], dy);
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!run->has_in[i] || !run->in[i].needs_grad) continue;
        guarded_spoil(&run->in_grad[i]);
        backward.want[i] = (want >> i & 1u) != 0;
        if (!backward.want[i] || !initial || !initial[i]) continue;
        backward.beta[i] = 1.0f;
        upload_gradient(&run->in_grad[i], &run->in[i], initial[i]);
    }
    TRY(run->backend->kernels[run->op].backward(&backward));
    return run->backend->synchronize(run->backend);
}

void op_run_free(struct op_run *run)
{
    for (int i = 0; i < OP_MAX_IN; i++) {
        guarded_free(&run->in_data[i]);
        guarded_free(&run->in_grad[i]);
    }
    for (int i = 0; i < OP_MAX_OUT; i++) guarded_free(&run->out_data[i]);
    guarded_free(&run->out_grad);
    guarded_free(&run->n_valid_data);
    tape_destroy(run->tape);
    run->tape = NULL;
}

static void *download(const struct guarded *g)
{
    void *host = mem_alloc(1, g->bytes);
    cr_assert(host != NULL, "%s", fail_message());
    guarded_download(g, host);
    return host;
}

void *op_run_output(const struct op_run *run, int i)
{
    return download(&run->out_data[i]);
}

float *op_run_gradient(const struct op_run *run, int i)
{
    const struct tensor *t = &run->in[i];
    void *gradient = download(&run->in_grad[i]);
    if (t->grad_dtype != DTYPE_BF16) return (float *)gradient;
    size_t n = tensor_count(t);
    float *values = (float *)mem_alloc(n, sizeof *values);
    cr_assert(values != NULL, "%s", fail_message());
    for (size_t j = 0; j < n; j++) values[j] = bf16_value(((const uint16_t *)gradient)[j]);
    mem_free(gradient);
    return values;
}

const char *op_run_damage(const struct op_run *run, const struct case_data data[OP_MAX_IN],
                          unsigned may_change)
{
    for (int i = 0; i < OP_MAX_IN; i++) {
        if (!run->has_in[i]) continue;
        if (!guarded_intact(&run->in_data[i])) return "the memory around an input";
        if (run->in[i].needs_grad && !guarded_intact(&run->in_grad[i]))
            return "the memory around a gradient";
        if (may_change >> i & 1u) continue;
        void *now = download(&run->in_data[i]);
        bool same = memcmp(now, data[i].values, run->in_data[i].bytes) == 0;
        mem_free(now);
        if (!same) return "an input";
    }
    for (int i = 0; i < run->n_out; i++)
        if (!guarded_intact(&run->out_data[i])) return "the memory around an output";
    if (run->out_grad.memory && !guarded_intact(&run->out_grad))
        return "the memory around the output's gradient";
    return NULL;
}

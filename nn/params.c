#include "nn/params.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

const char *const param_group_names[N_PARAM_GROUPS] = {"weight", "norm", "bias", "pool"};

enum { ALIGN_ELEMENTS = 16 }; // each parameter starts on a 64-byte line

enum status params_create(struct backend *backend, struct params **params)
{
    struct params *p = (struct params *)mem_alloc(1, sizeof *p);
    if (!p) return ERR_MEMORY;
    p->backend = backend;
    *params = p;
    return OK;
}

static void release(struct params *params, float *buffer, size_t n)
{
    if (!buffer) return;
    const struct arena_source *memory = &params->backend->memory;
    memory->put(memory->context, buffer, n * sizeof(float));
}

void params_destroy(struct params *params)
{
    if (!params) return;
    size_t n_trainable = params->group_begin[N_PARAM_GROUPS];
    release(params, params->values, params->n_values);
    release(params, params->grads, n_trainable);
    release(params, params->velocity, n_trainable);
    release(params, params->second, n_trainable);
    release(params, params->average, params->n_values);
    for (size_t i = 0; i < params->n; i++) mem_free(params->items[i]);
    mem_free(params->items);
    mem_free(params);
}

struct param *params_find(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->n; i++)
        if (strcmp(params->items[i]->name, name) == 0) return params->items[i];
    return NULL;
}

enum status params_declare(struct params *params, const struct param_spec *spec,
                           struct tensor **tensor)
{
    if (params->laid_out) return fail(ERR_USAGE, "%s: declared after layout", spec->name);
    if (params_find(params, spec->name))
        return fail(ERR_USAGE, "%s: declared twice", spec->name);
    TRY(mem_reserve(&params->items, &params->capacity, params->n + 1, sizeof *params->items));
    struct param *p = (struct param *)mem_alloc(1, sizeof *p);
    if (!p) return ERR_MEMORY;
    int length = snprintf(p->name, sizeof p->name, "%s", spec->name);
    if (length < 0 || (size_t)length >= sizeof p->name) {
        mem_free(p);
        return fail(ERR_USAGE, "%s: parameter name too long", spec->name);
    }
    p->tensor = tensor_wrap(DTYPE_F32, spec->rank, spec->shape, NULL);
    p->tensor.is_param = true;
    p->tensor.name = p->name;
    p->trainable = !spec->frozen && !spec->is_buffer;
    p->tensor.needs_grad = p->trainable;
    p->group = spec->group;
    p->kind = spec->kind;
    p->init = spec->init;
    p->init_a = spec->init_a;
    p->limit = spec->limit;
    p->shown = spec->shown;
    p->is_buffer = spec->is_buffer;
    memcpy(p->chw, spec->chw, sizeof p->chw);
    params->items[params->n++] = p;
    *tensor = &p->tensor;
    return OK;
}

static void assign_offsets(struct params *params)
{
    size_t offset = 0;
    for (int group = 0; group <= N_PARAM_GROUPS; group++) {
        params->group_begin[group] = offset;
        for (size_t i = 0; i < params->n; i++) {
            struct param *p = params->items[i];
            bool here = group < N_PARAM_GROUPS ? p->trainable && (int)p->group == group
                                               : !p->trainable;
            if (!here) continue;
            p->offset = offset;
            offset += (tensor_count(&p->tensor) + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS *
                      ALIGN_ELEMENTS;
        }
    }
    params->n_values = offset;
}

static enum status acquire(struct params *params, size_t n, float **buffer)
{
    struct backend *backend = params->backend;
    if (n == 0) return OK;
    float *memory = (float *)backend->memory.get(backend->memory.context, n * sizeof(float));
    if (!memory) return ERR_MEMORY;
    *buffer = memory;
    return backend->zero(backend, memory, n * sizeof(float));
}

// FNV-1a: the random numbers of a parameter depend on its name alone.
static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash;
}

static void init_values(const struct param *param, uint64_t seed, float *values)
{
    const struct tensor *t = &param->tensor;
    size_t n = tensor_count(t);
    size_t per_output = n / (size_t)(t->shape[0] ? t->shape[0] : 1);
    double fan_in = (double)per_output;
    // Of (O,H,W,I) and (O,I): outputs times receptive field; of (2,2,O,I) PyTorch takes the inputs.
    int64_t others = t->shape[param->kind == PARAM_CONV_TRANSPOSE ? 2 : t->rank - 1];
    double fan_out = (double)n / (double)(others ? others : 1);
    struct rng rng;
    rng_start(&rng, seed, RNG_INIT, hash_name(param->name));
    double a = param->init_a;
    float bound = (float)(param->init == INIT_KAIMING_UNIFORM_A1 ? sqrt(3.0 / fan_in) : a);
    float deviation = (float)(param->init == INIT_NORMAL ? a : sqrt(2.0 / fan_out));
    size_t n_first = t->rank > 1 ? n / (size_t)(t->shape[0] ? t->shape[0] : 1) : 1;
    for (size_t i = 0; i < n; i++) {
        switch (param->init) {
        case INIT_ZERO: values[i] = 0; break;
        case INIT_ONE: values[i] = 1; break;
        case INIT_CONSTANT: values[i] = (float)a; break;
        case INIT_FIRST: values[i] = i < n_first ? (float)a : 0.0f; break;
        case INIT_UNIFORM_POSITIVE: values[i] = rng_uniform(&rng, 0.0f, (float)a); break;
        case INIT_NORMAL:
        case INIT_KAIMING_NORMAL_FAN_OUT: values[i] = deviation * rng_normal(&rng); break;
        case INIT_UNIFORM:
        case INIT_KAIMING_UNIFORM_A1: values[i] = rng_uniform(&rng, -bound, bound); break;
        }
    }
}

enum status params_layout(struct params *params, uint64_t seed)
{
    struct backend *backend = params->backend;
    assign_offsets(params);
    size_t n_trainable = params->group_begin[N_PARAM_GROUPS];
    TRY(acquire(params, params->n_values, &params->values));
    TRY(acquire(params, n_trainable, &params->grads));
    TRY(acquire(params, n_trainable, &params->velocity));
    size_t largest = 0;
    for (size_t i = 0; i < params->n; i++) {
        struct param *p = params->items[i];
        p->tensor.data = params->values + p->offset;
        if (p->trainable) p->tensor.grad = params->grads + p->offset;
        size_t n = tensor_count(&p->tensor);
        if (n > largest) largest = n;
    }
    float *host = (float *)mem_alloc(largest, sizeof *host);
    if (!host) return ERR_MEMORY;
    enum status status = OK;
    for (size_t i = 0; i < params->n && status == OK; i++) {
        const struct param *p = params->items[i];
        init_values(p, seed, host);
        status = backend->upload(backend, p->tensor.data, host, tensor_bytes(&p->tensor));
        if (status == OK) status = backend->synchronize(backend);
    }
    mem_free(host);
    params->laid_out = status == OK;
    backend->params_changed(backend);
    return status;
}

enum status params_need_second(struct params *params)
{
    return acquire(params, params->group_begin[N_PARAM_GROUPS], &params->second);
}

enum status params_need_average(struct params *params)
{
    struct backend *backend = params->backend;
    size_t bytes = params->n_values * sizeof(float);
    float *host = (float *)mem_alloc(params->n_values, sizeof *host);
    if (!host) return ERR_MEMORY;
    enum status status = acquire(params, params->n_values, &params->average);
    if (status == OK) status = backend->download(backend, host, params->values, bytes);
    if (status == OK) status = backend->upload(backend, params->average, host, bytes);
    if (status == OK) status = backend->synchronize(backend);
    mem_free(host);
    return status;
}

void params_use_average(struct params *params, bool average)
{
    float *values = average ? params->average : params->values;
    for (size_t i = 0; i < params->n; i++)
        params->items[i]->tensor.data = values + params->items[i]->offset;
    params->backend->params_changed(params->backend);
}

void params_zero_grad(struct params *params)
{
    for (size_t i = 0; i < params->n; i++) params->items[i]->tensor.has_grad = false;
}

enum status params_finish_grad(struct params *params)
{
    struct backend *backend = params->backend;
    for (size_t i = 0; i < params->n; i++) {
        struct param *p = params->items[i];
        if (!p->trainable || p->tensor.has_grad) continue;
        TRY(backend->zero(backend, p->tensor.grad, tensor_bytes(&p->tensor)));
        p->tensor.has_grad = true;
    }
    return OK;
}

size_t params_count(const struct params *params, bool trainable_only)
{
    size_t n = 0;
    for (size_t i = 0; i < params->n; i++) {
        const struct param *p = params->items[i];
        if (p->is_buffer || (trainable_only && !p->trainable)) continue;
        n += tensor_count(&p->tensor);
    }
    return n;
}

// The three axes of a parameter whose orders differ, as they lie in memory, and how far apart
// neighbours along each are in files.
struct order {
    size_t n[3], step[3];
};

static bool orders_differ(const struct param *param, struct order *order)
{
    const int64_t *shape = param->tensor.shape;
    size_t outer = (size_t)shape[0], positions = 1, channels = 1;
    switch (param->kind) {
    case PARAM_PLAIN: return false;
    case PARAM_CONV:
        positions = (size_t)(shape[1] * shape[2]);
        channels = (size_t)shape[3];
        break;
    case PARAM_LINEAR_CHW:
        positions = (size_t)param->chw[1] * (size_t)param->chw[2];
        channels = (size_t)param->chw[0];
        break;
    case PARAM_CONV_TRANSPOSE: {
        size_t out = (size_t)shape[2], in = (size_t)shape[3];
        positions = (size_t)(shape[0] * shape[1]);
        *order = (struct order){{positions, out, in}, {1, positions, out * positions}};
        return true;
    }
    }
    *order = (struct order){{outer, positions, channels}, {channels * positions, 1, positions}};
    return true;
}

// Memory order from file order, or the other way.
static void reorder(const struct order *order, const float *from, float *to, bool to_memory)
{
    size_t at = 0;
    for (size_t i = 0; i < order->n[0]; i++) {
        for (size_t j = 0; j < order->n[1]; j++) {
            size_t in_file = i * order->step[0] + j * order->step[1];
            for (size_t k = 0; k < order->n[2]; k++, at++, in_file += order->step[2]) {
                if (to_memory) to[at] = from[in_file];
                else to[in_file] = from[at];
            }
        }
    }
}

int params_file_shape(const struct param *param, int64_t shape[TENSOR_MAX_RANK])
{
    const struct tensor *t = &param->tensor;
    memcpy(shape, t->shape, sizeof t->shape);
    if (param->kind == PARAM_CONV || param->kind == PARAM_CONV_TRANSPOSE) {
        bool transposed = param->kind == PARAM_CONV_TRANSPOSE;
        shape[0] = t->shape[transposed ? 3 : 0];
        shape[1] = t->shape[transposed ? 2 : 3];
        shape[2] = t->shape[transposed ? 0 : 1];
        shape[3] = t->shape[transposed ? 1 : 2];
    }
    return t->rank;
}

enum status params_get(const struct params *params, const struct param *param, float *file_order)
{
    struct backend *backend = params->backend;
    size_t bytes = tensor_bytes(&param->tensor);
    struct order order;
    if (!orders_differ(param, &order))
        return backend->download(backend, file_order, param->tensor.data, bytes);
    float *memory = (float *)mem_alloc(bytes, 1);
    if (!memory) return ERR_MEMORY;
    enum status status = backend->download(backend, memory, param->tensor.data, bytes);
    if (status == OK) reorder(&order, memory, file_order, false);
    mem_free(memory);
    return status;
}

enum status params_set(struct params *params, struct param *param, const float *file_order)
{
    struct backend *backend = params->backend;
    size_t bytes = tensor_bytes(&param->tensor);
    struct order order;
    enum status status = OK;
    float *memory = NULL;
    if (orders_differ(param, &order)) {
        memory = (float *)mem_alloc(bytes, 1);
        if (!memory) return ERR_MEMORY;
        reorder(&order, file_order, memory, true);
        file_order = memory;
    }
    GUARD(backend->upload(backend, param->tensor.data, file_order, bytes));
    GUARD(backend->synchronize(backend));
    backend->params_changed(backend);
done:
    mem_free(memory);
    return status;
}

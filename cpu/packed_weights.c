#include "cpu/packed_weights.h"

#include <string.h>

#include "base/mem.h"
#include "cpu/conv_1x1.h"
#include "cpu/kernels.h"
#include "cpu/winograd.h"

struct entry {
    const void *w, *scale;
    enum weights_form form;
    int layout; // WEIGHTS_PLAN: the plan's
    bool turned, is_stale;
    size_t bytes;
    void *memory; // mem_alloc
};

struct packed_weights {
    struct entry *entries; // hash table by w, open addressing
    size_t n, n_slots;
};

enum status packed_weights_create(struct packed_weights **packed)
{
    struct packed_weights *fresh = (struct packed_weights *)mem_alloc(1, sizeof *fresh);
    if (!fresh) return ERR_MEMORY;
    *packed = fresh;
    return OK;
}

void packed_weights_destroy(struct packed_weights *packed)
{
    if (!packed) return;
    for (size_t i = 0; i < packed->n_slots; i++) mem_free(packed->entries[i].memory);
    mem_free(packed->entries);
    mem_free(packed);
}

void packed_weights_invalidate(struct packed_weights *packed)
{
    for (size_t i = 0; i < packed->n_slots; i++) packed->entries[i].is_stale = true;
}

static struct entry *find(struct entry *entries, size_t n_slots, const struct entry *key)
{
    uint64_t hash = ((uint64_t)(uintptr_t)key->w >> 6) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    size_t slot = (size_t)hash & (n_slots - 1);
    for (;; slot = (slot + 1) & (n_slots - 1)) {
        struct entry *e = &entries[slot];
        if (!e->w || (e->w == key->w && e->scale == key->scale && e->form == key->form &&
                      e->layout == key->layout && e->turned == key->turned))
            return e;
    }
}

static enum status grow(struct packed_weights *packed)
{
    size_t n_slots = packed->n_slots ? packed->n_slots * 2 : 256;
    struct entry *entries = (struct entry *)mem_alloc(n_slots, sizeof *entries);
    if (!entries) return ERR_MEMORY;
    for (size_t i = 0; i < packed->n_slots; i++)
        if (packed->entries[i].w) *find(entries, n_slots, &packed->entries[i]) = packed->entries[i];
    mem_free(packed->entries);
    packed->entries = entries;
    packed->n_slots = n_slots;
    return OK;
}

// Only what cannot change without params_changed being called.
static bool is_kept(const struct weights_request *request)
{
    const struct tensor *scale = request->scale;
    return request->w->is_param && (!scale || scale->is_param || scale->is_constant);
}

// Winograd's products take a row for each input channel. To get there, the adjoint's weights are
// read as they are and the forward ones turned first.
static bool needs_fold(const struct weights_request *request)
{
    switch (request->form) {
    case WEIGHTS_PLAN: return request->scale || request->turned;
    case WEIGHTS_WINOGRAD: return !request->turned;
    default: return false;
    }
}

static size_t packed_bytes(const struct weights_request *request)
{
    if (request->form == WEIGHTS_PLAN) return request->plan->weights_bytes;
    int64_t n_out = request->w->shape[0], n_in = request->w->shape[3];
    int64_t n_rows = request->turned ? n_out : n_in, n_columns = request->turned ? n_in : n_out;
    return request->form == WEIGHTS_WINOGRAD ? winograd_weights_bytes(n_rows, n_columns)
                                             : conv_1x1_weights_bytes(n_rows, n_columns);
}

size_t packed_weights_scratch(const struct weights_request *request)
{
    size_t bytes = needs_fold(request) ? scratch_round(tensor_bytes(request->w)) : 0;
    if (!is_kept(request)) bytes += scratch_round(packed_bytes(request));
    return bytes;
}

void weights_fold(const struct weights_request *request, float *plain)
{
    const int64_t *shape = request->w->shape;
    int64_t n_out = shape[0], n_in = shape[3], n_taps = shape[1] * shape[2];
    const float *w = (const float *)request->w->data;
    const float *scale = request->scale ? (const float *)request->scale->data : NULL;
    if (!request->turned) {
#pragma omp parallel for schedule(static)
        for (int64_t o = 0; o < n_out; o++) {
            float s = scale ? scale[o] : 1.0f;
            for (int64_t i = o * n_taps * n_in; i < (o + 1) * n_taps * n_in; i++)
                plain[i] = w[i] * s;
        }
        return;
    }
    enum { TILE = 16 }; // a tile's lines of both sides stay in the first-level cache
#pragma omp parallel for schedule(static)
    for (int64_t i0 = 0; i0 < n_in; i0 += TILE) {
        int64_t i1 = i0 + TILE < n_in ? i0 + TILE : n_in;
        for (int64_t tap = 0; tap < n_taps; tap++)
            for (int64_t o0 = 0; o0 < n_out; o0 += TILE) {
                int64_t o1 = o0 + TILE < n_out ? o0 + TILE : n_out;
                for (int64_t i = i0; i < i1; i++)
                    for (int64_t o = o0; o < o1; o++)
                        plain[(i * n_taps + (n_taps - 1 - tap)) * n_out + o] =
                            w[(o * n_taps + tap) * n_in + i] * (scale ? scale[o] : 1.0f);
            }
    }
}

static void pack_winograd(const struct weights_request *request, float *folded, float *result)
{
    const float *w = (const float *)request->w->data;
    const float *scale = request->scale ? (const float *)request->scale->data : NULL;
    int64_t n_out = request->w->shape[0], n_in = request->w->shape[3];
    if (request->turned) {
        winograd_transform_weights(w, scale, true, n_out, n_in, result);
        return;
    }
    struct weights_request turned = *request;
    turned.turned = true;
    weights_fold(&turned, folded);
    winograd_transform_weights(folded, NULL, true, n_in, n_out, result);
}

static void pack_1x1(const struct weights_request *request, float *result)
{
    const float *w = (const float *)request->w->data;
    const float *scale = request->scale ? (const float *)request->scale->data : NULL;
    int64_t n_out = request->w->shape[0], n_in = request->w->shape[3];
    if (request->turned) conv_1x1_pack(w, scale, false, n_out, n_in, result);
    else conv_1x1_pack(w, scale, true, n_in, n_out, result);
}

static enum status pack_plan(const struct weights_request *request, float *folded, void *result)
{
    const float *plain = (const float *)request->w->data;
    if (needs_fold(request)) {
        weights_fold(request, folded);
        plain = folded;
    }
    if (!request->plan->plain_weights) return onednn_pack_weights(request->plan, plain, result);
    memcpy(result, plain, request->plan->weights_bytes);
    return OK;
}

static enum status pack(const struct weights_request *request, float *folded, void *result)
{
    switch (request->form) {
    case WEIGHTS_PLAN: return pack_plan(request, folded, result);
    case WEIGHTS_WINOGRAD: pack_winograd(request, folded, (float *)result); return OK;
    default: pack_1x1(request, (float *)result); return OK;
    }
}

enum status packed_weights_get(struct packed_weights *packed, const struct weights_request *request,
                               char *scratch, const void **weights)
{
    float *folded = NULL;
    if (needs_fold(request)) folded = (float *)scratch_cut(&scratch, tensor_bytes(request->w));
    if (!is_kept(request)) {
        TRY(pack(request, folded, scratch));
        *weights = scratch;
        return OK;
    }
    if (2 * (packed->n + 1) > packed->n_slots) TRY(grow(packed));
    struct entry key = {.w = request->w->data,
                        .scale = request->scale ? request->scale->data : NULL,
                        .form = request->form,
                        .layout = request->form == WEIGHTS_PLAN ? request->plan->layout : 0,
                        .turned = request->turned,
                        .bytes = packed_bytes(request)};
    struct entry *entry = find(packed->entries, packed->n_slots, &key);
    if (!entry->w) {
        key.memory = mem_alloc(1, key.bytes);
        if (!key.memory) return ERR_MEMORY;
        key.is_stale = true;
        *entry = key;
        packed->n++;
    }
    if (entry->is_stale) {
        TRY(pack(request, folded, entry->memory));
        entry->is_stale = false;
    }
    *weights = entry->memory;
    return OK;
}

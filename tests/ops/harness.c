#include "tests/ops/harness.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { GUARD_BYTES = 256 };
static const uint32_t spoiled = 0x7FC0DEADu; // a NaN; as an integer far from any index
static const uint32_t guard = 0x5AFEC0DEu;

static void *checked(void *memory)
{
    cr_assert(memory != NULL, "%s", fail_message());
    return memory;
}

// ---- host data ---------------------------------------------------------------------------------

size_t case_input_count(const struct case_input *spec)
{
    size_t n = 1;
    for (int i = 0; i < spec->rank; i++) n *= (size_t)spec->shape[i];
    return n;
}

static uint64_t hash_text(const char *text, uint32_t number)
{
    uint64_t hash = 1469598103934665603u ^ number;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

float *draw_floats(size_t n, uint32_t stream, const char *key)
{
    float *values = (float *)checked(mem_alloc(n, sizeof *values));
    struct rng rng;
    rng_start(&rng, hash_text(key, stream), RNG_TEST, stream);
    for (size_t i = 0; i < n; i++) values[i] = rng_uniform(&rng, -1.0f, 1.0f);
    return values;
}

uint16_t bf16_cut(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

float bf16_value(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void case_data_draw(const struct op_cases *cases, const struct op_case *c,
                    struct case_data data[OP_MAX_IN])
{
    memset(data, 0, OP_MAX_IN * sizeof *data);
    for (int i = 0; i < OP_MAX_IN; i++) {
        struct case_input spec = c->in[i];
        if (spec.rank == 0) continue;
        data[i].spec = spec;
        size_t n = case_input_count(&spec);
        data[i].values = checked(mem_alloc(n, dtype_bytes(spec.dtype)));
        if (spec.dtype == DTYPE_F32 || spec.dtype == DTYPE_BF16) {
            if (spec.low == 0.0f && spec.high == 0.0f) {
                spec.low = -1.0f;
                spec.high = 1.0f;
            }
            struct rng rng;
            rng_start(&rng, hash_text(c->name, c->seed), RNG_TEST, (uint32_t)i);
            for (size_t j = 0; j < n; j++) {
                float value = rng_uniform(&rng, spec.low, spec.high);
                if (spec.dtype == DTYPE_F32) ((float *)data[i].values)[j] = value;
                else ((uint16_t *)data[i].values)[j] = bf16_cut(value);
            }
        }
        if (cases->prepare) cases->prepare(c, i, data[i].values);
    }
    if (!c->is_list) return;
    size_t n = case_input_count(&c->in[0]);
    size_t used = n / (size_t)c->in[0].shape[0] * (size_t)c->n_valid;
    memset((float *)data[0].values + used, 0, (n - used) * sizeof(float));
}

void case_data_free(struct case_data data[OP_MAX_IN])
{
    for (int i = 0; i < OP_MAX_IN; i++) mem_free(data[i].values);
}

void case_data_image(const struct op_cases *cases, const struct case_data all[OP_MAX_IN],
                     int64_t k, struct case_data one[OP_MAX_IN])
{
    for (int i = 0; i < OP_MAX_IN; i++) {
        one[i] = all[i];
        if (!all[i].values || !(cases->batched_in >> i & 1u)) continue;
        size_t bytes = case_input_count(&all[i].spec) * dtype_bytes(all[i].spec.dtype);
        one[i].spec.shape[0] = 1;
        one[i].values =
            (char *)all[i].values + (size_t)k * (bytes / (size_t)all[i].spec.shape[0]);
    }
}

// ---- guarded memory ----------------------------------------------------------------------------

static size_t guarded_total(const struct guarded *g)
{
    return (g->bytes + 63) / 64 * 64 + 2 * GUARD_BYTES;
}

static void fill_words(void *memory, uint32_t word, size_t bytes)
{
    char *at = (char *)memory;
    for (size_t i = 0; i + sizeof word <= bytes; i += sizeof word)
        memcpy(at + i, &word, sizeof word);
}

static void guarded_store(const struct guarded *g, const void *contents)
{
    size_t total = guarded_total(g);
    char *image = (char *)checked(mem_alloc(1, total));
    fill_words(image, guard, total);
    if (contents) memcpy(image + GUARD_BYTES, contents, g->bytes);
    else fill_words(image + GUARD_BYTES, spoiled, g->bytes);
    cr_assert_eq(g->backend->upload(g->backend, g->memory, image, total), OK);
    cr_assert_eq(g->backend->synchronize(g->backend), OK);
    mem_free(image);
}

void guarded_create(struct guarded *g, struct backend *backend, size_t bytes)
{
    g->backend = backend;
    g->bytes = bytes;
    g->memory = (char *)checked(backend->memory.get(backend->memory.context, guarded_total(g)));
    guarded_store(g, NULL);
}

void guarded_free(struct guarded *g)
{
    if (!g->memory) return;
    g->backend->memory.put(g->backend->memory.context, g->memory, guarded_total(g));
    g->memory = NULL;
}

void *guarded_data(const struct guarded *g)
{
    return g->memory + GUARD_BYTES;
}

void guarded_upload(const struct guarded *g, const void *host)
{
    guarded_store(g, host);
}

void guarded_spoil(const struct guarded *g)
{
    guarded_store(g, NULL);
}

void guarded_download(const struct guarded *g, void *host)
{
    cr_assert_eq(g->backend->download(g->backend, host, guarded_data(g), g->bytes), OK);
}

bool guarded_intact(const struct guarded *g)
{
    size_t total = guarded_total(g);
    char *image = (char *)checked(mem_alloc(1, total)), *wanted = (char *)checked(mem_alloc(1, total));
    cr_assert_eq(g->backend->download(g->backend, image, g->memory, total), OK);
    fill_words(wanted, guard, total);
    memcpy(wanted + GUARD_BYTES, image + GUARD_BYTES, g->bytes);
    bool intact = memcmp(image, wanted, total) == 0;
    mem_free(image);
    mem_free(wanted);
    return intact;
}

// ---- comparing ---------------------------------------------------------------------------------

void ref_shape(struct ref *out, int rank, const int64_t *shape)
{
    out->rank = rank;
    for (int i = 0; i < TENSOR_MAX_RANK; i++) out->shape[i] = i < rank ? shape[i] : 1;
    out->v = (double *)checked(mem_alloc(ref_count(out), sizeof *out->v));
}

size_t ref_count(const struct ref *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++) n *= (size_t)t->shape[i];
    return n;
}

int64_t first_difference(const float *got, const double *wanted, size_t n, double tolerance)
{
    double squares = 0.0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(wanted[i])) squares += wanted[i] * wanted[i];
    double rms = n ? sqrt(squares / (double)n) : 0.0;
    for (size_t i = 0; i < n; i++) {
        double value = (double)got[i];
        if (isinf(wanted[i]) && value == wanted[i]) continue;
        if (!(fabs(value - wanted[i]) <= tolerance * (fabs(wanted[i]) + rms))) return (int64_t)i;
    }
    return -1;
}

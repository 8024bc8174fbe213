#include "backbone/site_pool.h"

#include <string.h>

#include "base/mem.h"
#include "nn/ops_map.h"

static enum status check_and_declare(struct pool *pool, struct params *params, const char *prefix,
                                     int n_channels)
{
    const struct pool_def *def = pool->def;
    if (!(def->sites & 1u << pool->site))
        return fail(ERR_USAGE, "pool %s cannot stand at the site %s%s%s", def->name,
                    pool_site_names[pool->site], def->sites_refusal ? ": " : "",
                    def->sites_refusal ? def->sites_refusal : "");
    if (def->check) TRY(def->check(pool));
    return def->declare ? def->declare(pool, params, prefix, n_channels) : OK;
}

enum status site_pool_create(const struct pool *chosen, enum pool_site site, int index,
                             struct params *params, const char *prefix, int n_channels,
                             struct pool **out)
{
    struct pool *pool = mem_alloc(1, sizeof *pool);
    if (!pool) return ERR_MEMORY;
    pool->def = chosen->def;
    pool->window = chosen->window;
    memcpy(pool->args, chosen->args, sizeof pool->args);
    pool->site = site;
    pool->index = index;
    enum status status = check_and_declare(pool, params, prefix, n_channels);
    if (status != OK) {
        mem_free(pool);
        return status;
    }
    *out = pool;
    return OK;
}

void site_pool_destroy(struct pool *pool)
{
    mem_free(pool);
}

// Compositions compute in f32.
static enum status build(const struct pool *pool, struct tape *tape, struct tensor *x,
                         struct tensor **y)
{
    struct tensor *wide = NULL, *result = NULL;
    if (x->dtype != DTYPE_BF16) return pool->def->build(tape, pool, x, y);
    TRY(cast(tape, x, &(const struct cast_args){DTYPE_F32}, &wide));
    TRY(pool->def->build(tape, pool, wide, &result));
    tape_drop(tape, wide);
    TRY(cast(tape, result, &(const struct cast_args){DTYPE_BF16}, y));
    tape_drop(tape, result);
    return OK;
}

enum status site_pool_forward(const struct pool *pool, struct tape *tape, struct tensor *x,
                              struct tensor **y)
{
    if (pool->def->build) return build(pool, tape, x, y);
    struct pool_op_args args = {
        .def = pool->def, .window = pool->window, .site = pool->index, .args = pool->args};
    return pool_op(tape, x, pool->n_params, pool->params, &args, y);
}

#include "nn/pool.h"

#include <assert.h>
#include <stdio.h>

const char *const pool_site_names[N_POOL_SITES] = {"stem", "downsample", "global",
                                                    "aux"};

enum status pool_declare(struct pool *pool, struct params *params, const char *prefix,
                         int n_channels, const struct pool_param *param)
{
    assert(pool->n_params < POOL_MAX_PARAMS);
    char name[sizeof((struct param *)NULL)->name];
    int length = snprintf(name, sizeof name, "%s%s", prefix, param->name);
    if (length < 0 || (size_t)length >= sizeof name)
        return fail(ERR_USAGE, "the parameter name %s%s is too long", prefix, param->name);
    struct param_spec spec = {
        .name = name,
        .rank = param->scope == POOL_PER_CHANNEL ? 2 : 1,
        .shape = {param->n, n_channels},
        .group = PARAM_POOL,
        .init = param->init,
        .init_a = param->init_a,
        .limit = param->limit,
        .shown = param->shown,
    };
    TRY(params_declare(params, &spec, &pool->params[pool->n_params]));
    pool->n_params++;
    return OK;
}

#include "backbone/pool/stochastic.h"

#include "cuda/pool/define.h"

// The kernels need the run's random numbers in place of the pool's own parameters.
static enum status stochastic_map(const struct op_call *call, struct pool_map *map)
{
    const struct pool_op_args *op = (const struct pool_op_args *)call->args;
    const struct stochastic_args *args = (const struct stochastic_args *)op->args;
    struct pool_random random = pool_random_of(call, args->seed);
    TRY(pool_map_of(call, NULL, map));
    memcpy(map->args, &random, sizeof random);
    return OK;
}

POOL_WINDOW_INLINE lanes stochastic_uniform(const struct pool_view *v)
{
    return pool_random_uniform(*POOL_ARGS(v, pool_random), v->out);
}

POOL_WINDOW_INLINE lanes stochastic_sample_y(const struct pool_view *v)
{
    return stochastic_drawn_y(v, stochastic_uniform(v));
}

POOL_WINDOW_INLINE void stochastic_sample_dx(const struct pool_view *v, lanes g, lanes *da,
                                             lanes *dv)
{
    (void)dv;
    stochastic_drawn_dx(v, stochastic_uniform(v), g, da);
}

static enum status stochastic_forward(const struct op_call *call)
{
    struct pool_map map;
    TRY(stochastic_map(call, &map));
    return stochastic_draws(call)
               ? pool_window_forward<16, stochastic_sample_y, pool_same_value>(call, &map, NULL)
               : pool_window_forward<16, stochastic_mean_y, pool_same_value>(call, &map, NULL);
}

static enum status stochastic_backward(const struct op_backward_call *backward)
{
    struct pool_map map;
    TRY(stochastic_map(backward->forward, &map));
    if (stochastic_draws(backward->forward))
        return pool_window_backward<16, 0, 0, false, stochastic_sample_dx, pool_same_value,
                                    pool_same_gradient>(backward, &map, NULL);
    return pool_window_backward<16, 0, 0, false, stochastic_mean_dx, pool_same_value,
                                pool_same_gradient>(backward, &map, NULL);
}

POOL_CUDA(stochastic, stochastic_forward, stochastic_backward)

#include "backbone/pool/stochastic.h"

#include "backbone/pool/dispatch.h"
#include "cpu/pool_window.h"
#include "nn/pool_random.h"

POOL_DECLARE_KERNELS(stochastic);

POOL_LOOP_INLINE lanes uniform_numbers(const struct pool_view *v)
{
    const struct stochastic_args *args = v->map->args;
    struct pool_random random = pool_random_of(v->map->call, args->seed);
    POOL_ALIGNED float uniform[N_LANES];
    uint64_t first = v->out;
    if (first % 4 == 0) {
        for (unsigned i = 0; i < N_LANES / 4; i++) {
            struct rng_block block =
                rng_philox(random.seed, random.stream, random.step, first / 4 + i);
            for (unsigned k = 0; k < 4; k++) uniform[4 * i + k] = rng_to_uniform(block.v[k]);
        }
    } else {
        for (unsigned i = 0; i < N_LANES; i++)
            uniform[i] = pool_random_uniform(random, first + i);
    }
    return lane_load(uniform);
}

POOL_LOOP_INLINE lanes drawn_y(const struct pool_view *v)
{
    return stochastic_drawn_y(v, uniform_numbers(v));
}

POOL_LOOP_INLINE void drawn_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    (void)dv;
    stochastic_drawn_dx(v, uniform_numbers(v), g, da);
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    if (stochastic_draws(map->call))
        pool_window_rows_y(call, map, image, begin, end, drawn_y);
    else
        pool_window_rows_y(call, map, image, begin, end, stochastic_mean_y);
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    if (stochastic_draws(map->call))
        pool_window_band_dx(backward, map, image, begin, end, drawn_dx);
    else
        pool_window_band_dx(backward, map, image, begin, end, stochastic_mean_dx);
}

static const struct pool_needs needs = {.n_lanes = N_LANES};

enum status ISA_NAME(pool_stochastic_forward)(const struct op_call *call)
{
    return pool_run_forward(call, &needs, forward_rows, 1);
}

enum status ISA_NAME(pool_stochastic_backward)(const struct op_backward_call *backward)
{
    return pool_run_backward(backward, &needs, backward_band, POOL_BAND_ROWS);
}

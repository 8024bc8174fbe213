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

static bool draws(const struct pool_map *map)
{
    return map->call->training ||
           ((const struct stochastic_args *)map->args)->eval == STOCHASTIC_SAMPLE;
}

POOL_LOOP_INLINE lanes mean_y(const struct pool_view *v)
{
    struct stochastic_sums sums = stochastic_sums_of(v->a, v->n);
    return stochastic_mean(v->a, v->n, &sums);
}

POOL_LOOP_INLINE void mean_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    (void)dv;
    stochastic_mean_backward(v->a, v->n, g, da);
}

POOL_LOOP_INLINE lanes drawn_y(const struct pool_view *v)
{
    lanes drawn = stochastic_draw(v->a, v->n, uniform_numbers(v)), y = lane_all(0.0f);
    POOL_UNROLL
    for (int i = 0; i < v->n; i++)
        y = lane_select(lane_equal(drawn, lane_all((float)i)), v->a[i], y);
    return y;
}

// Draws again what forward drew: that costs less than memory for the places.
POOL_LOOP_INLINE void drawn_dx(const struct pool_view *v, lanes g, lanes *da, lanes *dv)
{
    (void)dv;
    lanes drawn = stochastic_draw(v->a, v->n, uniform_numbers(v));
    POOL_UNROLL
    for (int i = 0; i < v->n; i++)
        da[i] = lane_select(lane_equal(drawn, lane_all((float)i)), g, lane_all(0.0f));
}

static void forward_rows(const struct op_call *call, const struct pool_map *map, int64_t image,
                         int begin, int end)
{
    if (draws(map))
        pool_window_rows_y(call, map, image, begin, end, drawn_y);
    else
        pool_window_rows_y(call, map, image, begin, end, mean_y);
}

static void backward_band(const struct op_backward_call *backward, const struct pool_map *map,
                          int64_t image, int begin, int end)
{
    if (draws(map))
        pool_window_band_dx(backward, map, image, begin, end, drawn_dx);
    else
        pool_window_band_dx(backward, map, image, begin, end, mean_dx);
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

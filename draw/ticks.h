// Round tick positions and short labels for chart axes.
#ifndef TARN_DRAW_TICKS_H
#define TARN_DRAW_TICKS_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TICKS_MAX = 40, TICK_BYTES = 24 };

struct ticks {
    int n;
    double at[TICKS_MAX];              // ascending, within [low, high]
    char label[TICKS_MAX][TICK_BYTES]; // "" for unlabelled ones
};

// Steps of 1, 2 or 5 times a power of ten, about `wanted` of them. low < high, both finite and
// below 1e300 in magnitude. is_integer: no step below 1.
void ticks_linear(double low, double high, int wanted, bool is_integer, struct ticks *ticks);

// low and high moved outwards to multiples of ticks_linear's step.
void ticks_round_out(double *low, double *high, int wanted);

// Powers of ten; 2 and 5 times them when few decades are shown. 0 < low < high.
void ticks_log(double low, double high, int wanted, struct ticks *ticks);

#ifdef __cplusplus
}
#endif
#endif

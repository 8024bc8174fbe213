#include "draw/ticks.h"

#include <math.h>
#include <stdio.h>

static double nice_step(double range, int wanted)
{
    double raw = range / (wanted < 1 ? 1 : wanted);
    double power = pow(10, floor(log10(raw)));
    double factor = raw / power;
    return (factor <= 1.0000001   ? 1
            : factor <= 2.0000001 ? 2
            : factor <= 5.0000001 ? 5
                                  : 10) *
           power;
}

// One way of writing for all labels of an axis: a suffix for thousands, digits enough for the step.
static void write_labels(struct ticks *ticks, double step)
{
    double largest = 0;
    for (int i = 0; i < ticks->n; i++) largest = fmax(largest, fabs(ticks->at[i]));
    bool is_scientific = largest >= 1e9 || (largest > 0 && largest < 1e-3);
    double unit = 1;
    const char *suffix = "";
    if (!is_scientific && largest >= 1e6)
        unit = 1e6, suffix = "M";
    else if (!is_scientific && largest >= 1e4)
        unit = 1e3, suffix = "k";
    if (is_scientific) unit = pow(10, floor(log10(largest) + 1e-9));
    int digits = (int)fmin(fmax(0, -floor(log10(step / unit) + 1e-9)), 9);
    for (int i = 0; i < ticks->n; i++) {
        double value = ticks->at[i] / unit;
        if (fabs(value) < step / unit * 1e-6) value = 0; // never "-0.0"
        if (is_scientific && value != 0)
            snprintf(ticks->label[i], TICK_BYTES, "%.*fe%d", digits, value,
                     (int)floor(log10(largest) + 1e-9));
        else
            snprintf(ticks->label[i], TICK_BYTES, "%.*f%s", value == 0 ? 0 : digits, value,
                     value == 0 ? "" : suffix);
    }
}

void ticks_linear(double low, double high, int wanted, bool is_integer, struct ticks *ticks)
{
    double step = nice_step(high - low, wanted);
    if (is_integer && step < 1) step = 1;
    ticks->n = 0;
    double slack = step * 1e-9;
    for (double k = ceil((low - slack) / step); ticks->n < TICKS_MAX; k++) {
        double at = k * step;
        if (!(at <= high + slack)) break;
        if (ticks->n && at <= ticks->at[ticks->n - 1]) break; // no resolution left in a double
        ticks->at[ticks->n++] = fmin(fmax(at, low), high);
    }
    write_labels(ticks, step);
}

void ticks_round_out(double *low, double *high, int wanted)
{
    double step = nice_step(*high - *low, wanted);
    double from = floor(*low / step + 1e-9) * step, to = ceil(*high / step - 1e-9) * step;
    if (from <= *low && isfinite(from)) *low = from;
    if (to >= *high && isfinite(to)) *high = to;
}

void ticks_log(double low, double high, int wanted, struct ticks *ticks)
{
    int first = (int)floor(log10(low) - 1e-9), last = (int)ceil(log10(high) + 1e-9);
    double decades = log10(high) - log10(low);
    bool is_fine = decades * 3 <= wanted + 2;
    int stride = 1;
    while (decades / stride > wanted) stride++;
    ticks->n = 0;
    for (int e = first; e <= last; e++) {
        static const double factors[] = {1, 2, 5};
        for (int f = 0; f < (is_fine ? 3 : 1); f++) {
            if ((e - first) % stride != 0 || ticks->n == TICKS_MAX) continue;
            double at = factors[f] * pow(10, e);
            if (at < low * (1 - 1e-9) || at > high * (1 + 1e-9)) continue;
            ticks->at[ticks->n] = fmin(fmax(at, low), high);
            if (e >= -4 && e <= 5)
                snprintf(ticks->label[ticks->n], TICK_BYTES, "%.*f", e < 0 ? -e : 0, at);
            else
                snprintf(ticks->label[ticks->n], TICK_BYTES, "%.0fe%d", factors[f], e);
            ticks->n++;
        }
    }
}

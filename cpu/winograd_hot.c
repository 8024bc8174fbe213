#include "cpu/winograd_hot.h"

#include <stdint.h>
#include <string.h>

#include "cpu/gemm_hot.h"

// One vector register's worth of channels.
#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t bits __attribute__((vector_size(LANES * sizeof(float))));

#define INLINE static inline __attribute__((always_inline))

// The points of interpolation and what follows from them; all exact in binary but the last two.
static const float A = 0.625f, B = 1.5f;
static const float A2 = 0.390625f, B2 = 2.25f, A3 = 0.244140625f, B3 = 3.375f;
static const float SUM = 2.640625f, PRODUCT = 0.87890625f; // A2 + B2, A2 * B2
static const double G0 = 1.0 / 0.87890625;
static const double GA = 1.0 / (2.0 * 0.390625 * (0.390625 - 2.25));
static const double GB = 1.0 / (2.0 * 2.25 * (2.25 - 0.390625));

INLINE lanes load(const float *from)
{
    lanes value;
    memcpy(&value, from, sizeof value);
    return value;
}

INLINE void store(float *to, lanes value)
{
    memcpy(to, &value, sizeof value);
}

INLINE lanes load_some(const float *from, size_t n)
{
    lanes value = {0};
    memcpy(&value, from, n * sizeof(float));
    return value;
}

INLINE void store_some(float *to, lanes value, size_t n)
{
    memcpy(to, &value, n * sizeof(float));
}

// B' d: six values in steps of `in` to six in steps of `out`.
INLINE void input_line(const lanes *d, size_t in, lanes *v, size_t out)
{
    lanes d0 = d[0], d1 = d[in], d2 = d[2 * in], d3 = d[3 * in], d4 = d[4 * in], d5 = d[5 * in];
    lanes even_a = d4 - B2 * d2, odd_a = A * (d3 - B2 * d1);
    lanes even_b = d4 - A2 * d2, odd_b = B * (d3 - A2 * d1);
    v[0] = PRODUCT * d0 - SUM * d2 + d4;
    v[out] = even_a + odd_a;
    v[2 * out] = even_a - odd_a;
    v[3 * out] = even_b + odd_b;
    v[4 * out] = even_b - odd_b;
    v[5 * out] = PRODUCT * d1 - SUM * d3 + d5;
}

// A' m: six values to four.
INLINE void output_line(const lanes *m, size_t in, lanes *y, size_t out)
{
    lanes sum_a = m[in] + m[2 * in], difference_a = m[in] - m[2 * in];
    lanes sum_b = m[3 * in] + m[4 * in], difference_b = m[3 * in] - m[4 * in];
    y[0] = m[0] + sum_a + sum_b;
    y[out] = A * difference_a + B * difference_b;
    y[2 * out] = A2 * sum_a + B2 * sum_b;
    y[3 * out] = A3 * difference_a + B3 * difference_b + m[5 * in];
}

// A y: four values to six.
INLINE void gradient_line(const lanes *y, size_t in, lanes *z, size_t out)
{
    lanes y0 = y[0], y1 = y[in], y2 = y[2 * in], y3 = y[3 * in];
    lanes even_a = y0 + A2 * y2, odd_a = A * y1 + A3 * y3;
    lanes even_b = y0 + B2 * y2, odd_b = B * y1 + B3 * y3;
    z[0] = y0;
    z[out] = even_a + odd_a;
    z[2 * out] = even_a - odd_a;
    z[3 * out] = even_b + odd_b;
    z[4 * out] = even_b - odd_b;
    z[5 * out] = y3;
}

// G g: three values to six.
INLINE void kernel_line(const lanes *g, size_t in, lanes *u, size_t out)
{
    lanes g0 = g[0], g1 = g[in], g2 = g[2 * in];
    lanes even_a = (float)GA * (g0 + A2 * g2), odd_a = (float)(GA * 0.625) * g1;
    lanes even_b = (float)GB * (g0 + B2 * g2), odd_b = (float)(GB * 1.5) * g1;
    u[0] = (float)G0 * g0;
    u[out] = even_a + odd_a;
    u[2 * out] = even_a - odd_a;
    u[3 * out] = even_b + odd_b;
    u[4 * out] = even_b - odd_b;
    u[5 * out] = g2;
}

// G' u: six values to three.
INLINE void kernel_gradient_line(const lanes *u, size_t in, lanes *g, size_t out)
{
    lanes sum_a = (float)GA * (u[in] + u[2 * in]), sum_b = (float)GB * (u[3 * in] + u[4 * in]);
    g[0] = (float)G0 * u[0] + sum_a + sum_b;
    g[out] = (float)(GA * 0.625) * (u[in] - u[2 * in]);
    g[out] += (float)(GB * 1.5) * (u[3 * in] - u[4 * in]);
    g[2 * out] = A2 * sum_a + B2 * sum_b + u[5 * in];
}

// Each transform below is written for a group of `count` <= LANES channels that begins at `at`;
// the compiler sees count == LANES as a constant in all but the last group.

INLINE void input_group(const float *const x[36], size_t at, size_t count, float *v,
                        struct winograd_layout layout)
{
    float *to = v + at / GEMM_PANEL * layout.panel + at % GEMM_PANEL;
    lanes d[36], half[36], out[6];
    for (int k = 0; k < 36; k++)
        d[k] = count == LANES ? load(x[k] + at) : load_some(x[k] + at, count);
    for (size_t j = 0; j < 6; j++) input_line(d + j, 6, half + j, 6);
    for (size_t i = 0; i < 6; i++) {
        input_line(half + 6 * i, 1, out, 1);
        for (size_t j = 0; j < 6; j++) {
            if (count == LANES) store(to + (6 * i + j) * layout.plane, out[j]);
            else store_some(to + (6 * i + j) * layout.plane, out[j], count);
        }
    }
}

void ISA_NAME(winograd_input)(const float *const x[36], size_t n, float *v,
                              struct winograd_layout layout)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) input_group(x, at, LANES, v, layout);
    if (at < n) input_group(x, at, n - at, v, layout);
}

INLINE void output_group(const float *m, size_t plane, size_t at, size_t count,
                         const struct winograd_output *output)
{
    lanes in[36], half[24], y[16];
    for (size_t k = 0; k < 36; k++)
        in[k] = count == LANES ? load(m + k * plane + at) : load_some(m + k * plane + at, count);
    for (size_t j = 0; j < 6; j++) output_line(in + j, 6, half + j, 6);
    for (size_t i = 0; i < 4; i++) output_line(half + 6 * i, 1, y + 4 * i, 1);
    lanes bias = {0}, zero = {0};
    if (output->bias)
        bias = count == LANES ? load(output->bias + at) : load_some(output->bias + at, count);
    for (size_t k = 0; k < 16; k++) {
        if (!output->y[k]) continue;
        lanes value = y[k] + bias;
        if (output->has_residual) {
            const float *residual = output->residual[k] + at;
            value += count == LANES ? load(residual) : load_some(residual, count);
        }
        if (output->relu) value = (lanes)((bits)value & ~(value < zero)); // NaN stays
        if (count == LANES) store(output->y[k] + at, value);
        else store_some(output->y[k] + at, value, count);
    }
}

void ISA_NAME(winograd_output)(const float *m, size_t plane, size_t n,
                               const struct winograd_output *output)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) output_group(m, plane, at, LANES, output);
    if (at < n) output_group(m, plane, at, n - at, output);
}

INLINE void gradient_group(const float *const dy[16], size_t at, size_t count, float *z,
                           struct winograd_layout layout)
{
    float *to = z + at / GEMM_PANEL * layout.panel + at % GEMM_PANEL;
    lanes d[16], half[24], out[6];
    for (int k = 0; k < 16; k++)
        d[k] = count == LANES ? load(dy[k] + at) : load_some(dy[k] + at, count);
    for (size_t j = 0; j < 4; j++) gradient_line(d + j, 4, half + j, 4);
    for (size_t i = 0; i < 6; i++) {
        gradient_line(half + 4 * i, 1, out, 1);
        for (size_t j = 0; j < 6; j++) {
            if (count == LANES) store(to + (6 * i + j) * layout.plane, out[j]);
            else store_some(to + (6 * i + j) * layout.plane, out[j], count);
        }
    }
}

void ISA_NAME(winograd_gradient)(const float *const dy[16], size_t n, float *z,
                                 struct winograd_layout layout)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) gradient_group(dy, at, LANES, z, layout);
    if (at < n) gradient_group(dy, at, n - at, z, layout);
}

INLINE void kernel_group(const float *taps, size_t step, float scale, bool rotated, size_t at,
                         size_t count, float *u, struct winograd_layout layout)
{
    float *to = u + at / GEMM_PANEL * layout.panel + at % GEMM_PANEL;
    lanes g[9], half[18], out[6];
    for (size_t k = 0; k < 9; k++) {
        const float *from = taps + (rotated ? 8 - k : k) * step + at;
        g[k] = scale * (count == LANES ? load(from) : load_some(from, count));
    }
    for (size_t j = 0; j < 3; j++) kernel_line(g + j, 3, half + j, 3);
    for (size_t i = 0; i < 6; i++) {
        kernel_line(half + 3 * i, 1, out, 1);
        for (size_t j = 0; j < 6; j++) {
            if (count == LANES) store(to + (6 * i + j) * layout.plane, out[j]);
            else store_some(to + (6 * i + j) * layout.plane, out[j], count);
        }
    }
}

void ISA_NAME(winograd_kernel)(const float *taps, size_t step, float scale, bool rotated, size_t n,
                               float *u, struct winograd_layout layout)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        kernel_group(taps, step, scale, rotated, at, LANES, u, layout);
    if (at < n) kernel_group(taps, step, scale, rotated, at, n - at, u, layout);
}

INLINE void kernel_gradient_group(const float *u, size_t plane, float scale, float beta, size_t n,
                                  size_t at, size_t count, float *taps)
{
    lanes in[36], half[18], out[3];
    for (size_t k = 0; k < 36; k++)
        in[k] = count == LANES ? load(u + k * plane + at) : load_some(u + k * plane + at, count);
    for (size_t j = 0; j < 6; j++) kernel_gradient_line(in + j, 6, half + j, 6);
    for (size_t i = 0; i < 3; i++) {
        kernel_gradient_line(half + 6 * i, 1, out, 1);
        for (size_t j = 0; j < 3; j++) {
            float *to = taps + (3 * i + j) * n + at;
            lanes value = scale * out[j];
            if (beta != 0.0f) value += count == LANES ? load(to) : load_some(to, count);
            if (count == LANES) store(to, value);
            else store_some(to, value, count);
        }
    }
}

void ISA_NAME(winograd_kernel_gradient)(const float *u, size_t plane, float scale, float beta,
                                        size_t n, float *taps)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        kernel_gradient_group(u, plane, scale, beta, n, at, LANES, taps);
    if (at < n) kernel_gradient_group(u, plane, scale, beta, n, at, n - at, taps);
}

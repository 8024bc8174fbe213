#include "cpu/focal_loss_hot.h"

#include <stdbool.h>

#include "cpu/vec_math.h"
#include "nn/ops.h"

// With s = -x for the target class and x for the others, both cases of eq. 5 are
//     weight * sigmoid(s)^gamma * softplus(s),
// whose derivative is weight * sigmoid^gamma * (gamma * (1 - sigmoid) * softplus + sigmoid).
struct focal_terms {
    float sigmoid, complement; // of s: sigmoid(s), sigmoid(-s), neither by a subtraction
    float softplus;
    float modulation; // sigmoid(s)^gamma
};

VEC_INLINE struct focal_terms focal_at(float s, float gamma, bool is_square)
{
    struct focal_terms t;
    float e = vec_expf(-fabsf(s));
    float once = 1.0f + e, twice = 2.0f + e;
    float inverse = 1.0f / (once * twice); // one division serves the sigmoid and the logarithm
    float large = inverse * twice, small = e * large;
    float ratio = e * inverse * once;
    float log1p_e = 2.0f * ratio * vec_atanh_ratio(ratio * ratio);
    t.sigmoid = s >= 0.0f ? large : small;
    t.complement = s >= 0.0f ? small : large;
    t.softplus = (s < 0.0f ? 0.0f : s) + log1p_e;
    float log_sigmoid = (s > 0.0f ? 0.0f : s) - log1p_e;
    t.modulation = is_square ? t.sigmoid * t.sigmoid : vec_expf(gamma * log_sigmoid);
    return t;
}

VEC_INLINE float focal_value(float s, float weight, float gamma, bool is_square)
{
    struct focal_terms t = focal_at(s, gamma, is_square);
    return weight * t.modulation * t.softplus;
}

VEC_INLINE float focal_slope(float s, float weight, float gamma, bool is_square)
{
    struct focal_terms t = focal_at(s, gamma, is_square);
    return weight * t.modulation * (gamma * t.complement * t.softplus + t.sigmoid);
}

// Background classes. Short float sums, so that their rounding does not grow with the image.
VEC_INLINE double sum_background(const float *x, size_t n, float weight, float gamma,
                                 bool is_square)
{
    enum { RUN = 1024 };
    double total = 0.0;
    for (size_t begin = 0; begin < n; begin += RUN) {
        size_t end = begin + RUN < n ? begin + RUN : n;
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (size_t i = begin; i < end; i++) sum += focal_value(x[i], weight, gamma, is_square);
        total += (double)sum;
    }
    return total;
}

// Without an old gradient the memory is never read: it may hold NaN.
VEC_INLINE void slope_background(const float *x, size_t n, float weight, float gamma,
                                 bool is_square, float beta, float *gradient)
{
    if (beta == 0.0f) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) gradient[i] = focal_slope(x[i], weight, gamma, is_square);
    } else {
#pragma omp simd
        for (size_t i = 0; i < n; i++)
            gradient[i] = beta * gradient[i] + focal_slope(x[i], weight, gamma, is_square);
    }
}

static double background_loss(const float *x, size_t n, float weight, float gamma)
{
    return gamma == 2.0f ? sum_background(x, n, weight, 2.0f, true)
                         : sum_background(x, n, weight, gamma, false);
}

static void background_slope(const float *x, size_t n, float weight, float gamma, float beta,
                             float *gradient)
{
    if (gamma == 2.0f)
        slope_background(x, n, weight, 2.0f, true, beta, gradient);
    else
        slope_background(x, n, weight, gamma, false, beta, gradient);
}

// Walks over maximal runs [begin, end) of background logits; anchors without an object merge into
// long ones. At `end` stands a target logit, or the first logit of an ignored anchor, or nothing.
// Begins zeroed.
struct focal_walk {
    size_t begin, end;
    size_t anchor; // that `end` belongs to
    bool is_target, is_ignored;
};

static bool walk_next(const struct focal_rows *rows, struct focal_walk *walk)
{
    size_t k = rows->n_classes;
    walk->begin = walk->end + (walk->is_target ? 1 : walk->is_ignored ? k : 0);
    if (walk->is_target || walk->is_ignored) walk->anchor++;
    walk->is_target = walk->is_ignored = false;
    if (walk->begin >= rows->n_anchors * k) return false;
    while (walk->anchor < rows->n_anchors && rows->matched[walk->anchor] == MATCH_NONE)
        walk->anchor++;
    walk->end = walk->anchor * k;
    if (walk->anchor < rows->n_anchors) {
        int32_t match = rows->matched[walk->anchor];
        walk->is_target = match >= 0;
        walk->is_ignored = match < 0;
        if (match >= 0) walk->end += (size_t)rows->labels[match];
    }
    return true;
}

double ISA_NAME(focal_rows_loss)(const struct focal_rows *rows)
{
    const float *x = rows->logits;
    float gamma = rows->gamma;
    float positive = rows->alpha >= 0.0f ? rows->alpha : 1.0f;
    float negative = rows->alpha >= 0.0f ? 1.0f - rows->alpha : 1.0f;
    double total = 0.0;
    struct focal_walk walk = {0};
    while (walk_next(rows, &walk)) {
        total += background_loss(x + walk.begin, walk.end - walk.begin, negative, gamma);
        if (walk.is_target)
            total += (double)focal_value(-x[walk.end], positive, gamma, gamma == 2.0f);
    }
    return total;
}

void ISA_NAME(focal_rows_gradient)(const struct focal_rows *rows, float scale, float beta,
                                   float *gradient)
{
    const float *x = rows->logits;
    float gamma = rows->gamma;
    float positive = scale * (rows->alpha >= 0.0f ? rows->alpha : 1.0f);
    float negative = scale * (rows->alpha >= 0.0f ? 1.0f - rows->alpha : 1.0f);
    struct focal_walk walk = {0};
    while (walk_next(rows, &walk)) {
        background_slope(x + walk.begin, walk.end - walk.begin, negative, gamma, beta,
                         gradient + walk.begin);
        if (walk.is_target) {
            float slope = -focal_slope(-x[walk.end], positive, gamma, gamma == 2.0f);
            float old = beta == 0.0f ? 0.0f : beta * gradient[walk.end];
            gradient[walk.end] = old + slope;
        }
        if (walk.is_ignored)
            for (size_t i = walk.end; i < walk.end + rows->n_classes; i++)
                gradient[i] = beta == 0.0f ? 0.0f : beta * gradient[i];
    }
}

#include "cpu/conv_gemm.h"

#include <string.h>

// Patches are gathered for this many floats at a time: the matrix stays in the outer caches.
enum { PATCH_FLOATS = 1 << 20 };

static int64_t patch_length(const struct conv_problem *p)
{
    return (int64_t)p->kh * p->kw * p->c;
}

static int64_t rows_at_once(const struct conv_problem *p)
{
    int64_t rows = PATCH_FLOATS / patch_length(p), all = (int64_t)p->oh * p->ow;
    if (rows < 16) rows = 16;
    return rows < all ? rows : all;
}

size_t conv_gemm_scratch(const struct conv_problem *p)
{
    return (size_t)(rows_at_once(p) * patch_length(p)) * sizeof(float);
}

// The part of a patch's row `tap_y` that lies inside the image: taps [begin, end).
struct tap_range {
    int begin, end;
    int64_t offset; // of tap `begin` in the image, in floats; valid when begin < end
};

static struct tap_range tap_range(const struct conv_problem *p, int out_y, int out_x, int tap_y)
{
    struct tap_range range = {0, 0, 0};
    int y = out_y * p->stride - p->padding + tap_y;
    int x = out_x * p->stride - p->padding;
    if (y < 0 || y >= p->h) return range;
    range.begin = x < 0 ? -x : 0;
    range.end = x + p->kw > p->w ? p->w - x : p->kw;
    if (range.begin > range.end) range.begin = range.end = 0;
    range.offset = ((int64_t)y * p->w + x + range.begin) * p->c;
    return range;
}

static void gather(const struct conv_problem *p, const float *image, int64_t first, int64_t n,
                   float *patches)
{
    int64_t length = patch_length(p), tap_row = (int64_t)p->kw * p->c;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        int out_y = (int)((first + i) / p->ow), out_x = (int)((first + i) % p->ow);
        float *patch = patches + i * length;
        memset(patch, 0, (size_t)length * sizeof *patch);
        for (int tap_y = 0; tap_y < p->kh; tap_y++) {
            struct tap_range r = tap_range(p, out_y, out_x, tap_y);
            memcpy(patch + tap_y * tap_row + (int64_t)r.begin * p->c, image + r.offset,
                   (size_t)(r.end - r.begin) * (size_t)p->c * sizeof *patch);
        }
    }
}

// Patches overlap, so one thread adds them all, in order.
static void scatter_add(const struct conv_problem *p, const float *patches, int64_t first,
                        int64_t n, float *image)
{
    int64_t length = patch_length(p), tap_row = (int64_t)p->kw * p->c;
    for (int64_t i = 0; i < n; i++) {
        int out_y = (int)((first + i) / p->ow), out_x = (int)((first + i) % p->ow);
        for (int tap_y = 0; tap_y < p->kh; tap_y++) {
            struct tap_range r = tap_range(p, out_y, out_x, tap_y);
            const float *from = patches + i * length + tap_y * tap_row + (int64_t)r.begin * p->c;
            int64_t count = (int64_t)(r.end - r.begin) * p->c;
            for (int64_t j = 0; j < count; j++) image[r.offset + j] += from[j];
        }
    }
}

enum status conv_gemm_forward(const struct conv_problem *p, const float *x, const float *w,
                              float *y, void *scratch)
{
    int64_t n_rows = (int64_t)p->oh * p->ow, step = rows_at_once(p), length = patch_length(p);
    float *patches = (float *)scratch;
    for (int64_t image = 0; image < p->n; image++)
        for (int64_t first = 0; first < n_rows; first += step) {
            int64_t n = n_rows - first < step ? n_rows - first : step;
            gather(p, x + image * p->h * p->w * p->c, first, n, patches);
            TRY(onednn_sgemm(false, true, n, p->o, length, patches, w, 0.0f,
                             y + (image * n_rows + first) * p->o));
        }
    return OK;
}

enum status conv_gemm_backward_data(const struct conv_problem *p, const float *dy, const float *w,
                                    float *dx, void *scratch)
{
    int64_t n_rows = (int64_t)p->oh * p->ow, step = rows_at_once(p), length = patch_length(p);
    int64_t image_floats = (int64_t)p->h * p->w * p->c;
    float *patches = (float *)scratch;
    memset(dx, 0, (size_t)(p->n * image_floats) * sizeof *dx);
    for (int64_t image = 0; image < p->n; image++)
        for (int64_t first = 0; first < n_rows; first += step) {
            int64_t n = n_rows - first < step ? n_rows - first : step;
            TRY(onednn_sgemm(false, false, n, length, p->o, dy + (image * n_rows + first) * p->o, w,
                             0.0f, patches));
            scatter_add(p, patches, first, n, dx + image * image_floats);
        }
    return OK;
}

enum status conv_gemm_backward_weights(const struct conv_problem *p, const float *x,
                                       const float *dy, float *dw, void *scratch)
{
    int64_t n_rows = (int64_t)p->oh * p->ow, step = rows_at_once(p), length = patch_length(p);
    float *patches = (float *)scratch;
    float beta = 0.0f;
    for (int64_t image = 0; image < p->n; image++)
        for (int64_t first = 0; first < n_rows; first += step) {
            int64_t n = n_rows - first < step ? n_rows - first : step;
            gather(p, x + image * p->h * p->w * p->c, first, n, patches);
            TRY(onednn_sgemm(true, false, p->o, length, n, dy + (image * n_rows + first) * p->o,
                             patches, beta, dw));
            beta = 1.0f;
        }
    return OK;
}

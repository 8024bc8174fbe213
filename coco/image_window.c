#include "coco/image_window.h"

#include <math.h>

#include "base/mem.h"

// A weight of 1; sums of 255 of them fit 32 bits with the rounding.
enum { ONE_BITS = 22 };

// Weighted sources of the pixels of one axis of the window.
struct axis {
    int count, most; // pixels; weights of each at most
    int *first, *n;  // (count)
    int *weights;    // (count, most)
};

static void axis_free(struct axis *axis)
{
    mem_free(axis->first);
    mem_free(axis->n);
    mem_free(axis->weights);
}

static enum status axis_init(int n_in, int n_out, int begin, int count, struct axis *axis)
{
    double scale = (double)n_in / (double)n_out, width = fmax(scale, 1.0);
    struct axis a = {.count = count, .most = (int)ceil(width) * 2 + 1};
    size_t n_weights;
    if (!size_mul((size_t)count, (size_t)a.most, &n_weights))
        return fail(ERR_MEMORY, "resizing %d to %d pixels", n_in, n_out);
    a.first = (int *)mem_alloc((size_t)count, sizeof *a.first);
    a.n = (int *)mem_alloc((size_t)count, sizeof *a.n);
    a.weights = (int *)mem_alloc(n_weights, sizeof *a.weights);
    double *exact = (double *)mem_alloc((size_t)a.most, sizeof *exact);
    if (!a.first || !a.n || !a.weights || !exact) {
        mem_free(exact);
        axis_free(&a);
        return ERR_MEMORY;
    }
    for (int i = 0; i < count; i++) {
        double center = (begin + i + 0.5) * scale, sum = 0;
        int first = (int)(center - width + 0.5), end = (int)(center + width + 0.5);
        if (first < 0) first = 0;
        if (end > n_in) end = n_in;
        for (int k = 0; k < end - first; k++) {
            double distance = fabs((k + first - center + 0.5) * (1.0 / width));
            exact[k] = distance < 1.0 ? 1.0 - distance : 0.0;
            sum += exact[k];
        }
        for (int k = 0; k < end - first; k++)
            a.weights[(size_t)i * (size_t)a.most + (size_t)k] =
                (int)(0.5 + exact[k] / sum * (1 << ONE_BITS));
        a.first[i] = first;
        a.n[i] = end - first;
    }
    mem_free(exact);
    *axis = a;
    return OK;
}

static uint8_t narrow(int64_t sum)
{
    int64_t value = (sum + (1 << (ONE_BITS - 1))) >> ONE_BITS;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void stretch_row(const struct axis *columns, const uint8_t *row, int width, bool flip,
                        uint8_t *out)
{
    for (int x = 0; x < columns->count; x++) {
        const int *weights = columns->weights + (size_t)x * (size_t)columns->most;
        int64_t sum[3] = {0};
        for (int k = 0; k < columns->n[x]; k++) {
            int source = columns->first[x] + k;
            const uint8_t *pixel = row + 3 * (size_t)(flip ? width - 1 - source : source);
            for (int c = 0; c < 3; c++) sum[c] += (int64_t)weights[k] * pixel[c];
        }
        for (int c = 0; c < 3; c++) out[3 * x + c] = narrow(sum[c]);
    }
}

static void blend_rows(const struct axis *rows, int y, const uint8_t *stretched, int first_row,
                       size_t row_bytes, uint8_t *out)
{
    const int *weights = rows->weights + (size_t)y * (size_t)rows->most;
    const uint8_t *from = stretched + (size_t)(rows->first[y] - first_row) * row_bytes;
    for (size_t i = 0; i < row_bytes; i++) {
        int64_t sum = 0;
        for (int k = 0; k < rows->n[y]; k++)
            sum += (int64_t)weights[k] * from[(size_t)k * row_bytes + i];
        out[i] = narrow(sum);
    }
}

enum status image_window_cut(const struct image *image, const struct image_window *window,
                             struct image *out)
{
    struct axis columns = {0}, rows = {0};
    uint8_t *stretched = NULL;
    struct image cut = {window->width, window->height, NULL};
    size_t row_bytes = 3 * (size_t)window->width;
    enum status status = OK;
    GUARD(axis_init(image->width, window->new_width, window->left, window->width, &columns));
    GUARD(axis_init(image->height, window->new_height, window->top, window->height, &rows));
    int first = rows.first[0];
    int end = rows.first[window->height - 1] + rows.n[window->height - 1];
    stretched = (uint8_t *)mem_alloc((size_t)(end - first), row_bytes);
    cut.rgb = (uint8_t *)mem_alloc((size_t)window->height, row_bytes);
    if (!stretched || !cut.rgb) {
        status = ERR_MEMORY;
        goto done;
    }
    for (int y = first; y < end; y++)
        stretch_row(&columns, image->rgb + 3 * (size_t)y * (size_t)image->width, image->width,
                    window->flip, stretched + (size_t)(y - first) * row_bytes);
    for (int y = 0; y < window->height; y++)
        blend_rows(&rows, y, stretched, first, row_bytes, cut.rgb + (size_t)y * row_bytes);
    *out = cut;
    cut.rgb = NULL;
done:
    mem_free(cut.rgb);
    mem_free(stretched);
    axis_free(&columns);
    axis_free(&rows);
    return status;
}

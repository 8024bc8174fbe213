// Rasterised rings. Input: height and width (2 bytes each, little endian), a byte of flags, the
// coordinates. Flags: 1: they are doubles, not 16-bit sixteenths; 2: sides are not cut to 6 bits
// (wide images are slow).
#include <string.h>

#include "coco/polygon.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_POINTS = 16 };

static size_t read_points(const uint8_t *data, size_t size, bool is_short, double *points)
{
    size_t width = is_short ? sizeof(int16_t) : sizeof(double), n = size / width;
    if (n > 2 * MAX_POINTS) n = 2 * MAX_POINTS;
    for (size_t i = 0; i < n; i++) {
        int16_t sixteenths;
        memcpy(&sixteenths, data + i * width, sizeof sixteenths);
        if (is_short)
            points[i] = sixteenths / 16.0;
        else
            memcpy(&points[i], data + i * width, sizeof points[i]);
    }
    return n / 2;
}

static void require_same(const double *points, size_t n, const struct rle *expected,
                         struct polygon_scratch *scratch)
{
    struct rle rle = {0};
    require(polygon_to_rle(points, n, expected->height, expected->width, scratch, &rle) == OK);
    require(rle.n == expected->n && memcmp(rle.counts, expected->counts, 4 * rle.n) == 0);
    rle_free(&rle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double points[2 * MAX_POINTS], changed[2 * MAX_POINTS];
    struct polygon_scratch scratch = {0};
    struct rle rle = {0};
    if (size < 5) return 0;
    int sides = data[4] & 2 ? 0xFFFF : 0x3F;
    int64_t height = (data[0] | data[1] << 8) & sides, width = (data[2] | data[3] << 8) & sides;
    size_t n = read_points(data + 5, size - 5, !(data[4] & 1), points);
    if (polygon_to_rle(points, n, height, width, &scratch, &rle) == OK) {
        require(rle_finish(&rle) == OK);
        // The first corner and the sense of rotation do not matter.
        for (size_t i = 0; i < n; i++)
            memcpy(changed + 2 * ((2 * n - 2 - i) % n), points + 2 * i, 2 * sizeof *points);
        require_same(changed, n, &rle, &scratch);
    } else {
        require(fail_message()[0] != 0);
    }
    polygon_free(&scratch);
    rle_free(&rle);
    return 0;
}

#include "coco/synth_shape.h"

#include <math.h>
#include <stdbool.h>

#include "coco/synth.h"

static const double PI = 3.14159265358979323846;

const char *const synth_class_names[SYNTH_MAX_CLASSES] = {"disc",  "square",   "triangle", "star",
                                                          "cross", "crescent", "arrow",    "heart"};

static void add(struct polygon *p, double x, double y)
{
    if (p->n == POLYGON_MAX) return;
    p->x[p->n] = x;
    p->y[p->n] = y;
    p->n++;
}

// n points of a circle's arc, ends included.
static void add_arc(struct polygon *p, double x, double y, double radius, double from, double to,
                    int n)
{
    for (int i = 0; i < n; i++) {
        double angle = from + (to - from) * i / (n - 1);
        add(p, x + radius * cos(angle), y + radius * sin(angle));
    }
}

static void add_points(struct polygon *p, const double (*points)[2], int n)
{
    for (int i = 0; i < n; i++) add(p, points[i][0], points[i][1]);
}

static void outline_disc(struct rng *rng, struct polygon *p)
{
    double flat = (double)rng_uniform(rng, 0.8f, 1.0f);
    for (int i = 0; i < 48; i++) add(p, cos(2 * PI * i / 48), flat * sin(2 * PI * i / 48));
}

static void outline_square(struct rng *rng, struct polygon *p)
{
    double flat = (double)rng_uniform(rng, 0.55f, 0.71f);
    const double points[4][2] = {{-0.7, -flat}, {0.7, -flat}, {0.7, flat}, {-0.7, flat}};
    add_points(p, points, 4);
}

static void outline_triangle(struct rng *rng, struct polygon *p)
{
    double tip = (double)rng_uniform(rng, -0.3f, 0.3f);
    const double points[3][2] = {{tip, -0.95}, {0.85, 0.5}, {-0.85, 0.5}};
    add_points(p, points, 3);
}

static void outline_star(struct rng *rng, struct polygon *p)
{
    double inner = (double)rng_uniform(rng, 0.36f, 0.5f);
    for (int i = 0; i < 10; i++) {
        double radius = i % 2 ? inner : 1.0;
        add(p, radius * sin(PI * i / 5), -radius * cos(PI * i / 5));
    }
}

static void outline_cross(struct rng *rng, struct polygon *p)
{
    double a = (double)rng_uniform(rng, 0.2f, 0.34f), b = 0.93;
    const double points[12][2] = {{-a, -b}, {a, -b}, {a, -a}, {b, -a}, {b, a},   {a, a},
                                  {a, b},   {-a, b}, {-a, a}, {-b, a}, {-b, -a}, {-a, -a}};
    add_points(p, points, 12);
}

// The unit disc without a second disc: outer arc, then the inner one backwards, without the tips
// that both share.
static void outline_crescent(struct rng *rng, struct polygon *p)
{
    double shift = (double)rng_uniform(rng, 0.4f, 0.6f), radius = 0.85;
    double x = (1.0 + shift * shift - radius * radius) / (2.0 * shift); // of the two tips
    double outer = acos(x), inner = acos((x - shift) / radius);
    add_arc(p, 0.0, 0.0, 1.0, outer, 2 * PI - outer, 40);
    add_arc(p, shift, 0.0, radius, 2 * PI - inner - 0.01, inner + 0.01, 32);
}

static void outline_arrow(struct rng *rng, struct polygon *p)
{
    double shaft = (double)rng_uniform(rng, 0.16f, 0.3f),
           neck = (double)rng_uniform(rng, -0.1f, 0.2f);
    const double points[7][2] = {{0.98, 0.0},     {neck, 0.72},   {neck, shaft}, {-0.95, shaft},
                                 {-0.95, -shaft}, {neck, -shaft}, {neck, -0.72}};
    add_points(p, points, 7);
}

static void outline_heart(struct rng *rng, struct polygon *p)
{
    double tall = (double)rng_uniform(rng, 0.9f, 1.1f);
    for (int i = 0; i < 56; i++) {
        double t = 2 * PI * i / 56, s = sin(t);
        double x = 16 * s * s * s, y = 13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t);
        add(p, x / 18, -tall * y / 18);
    }
}

void shape_outline(int kind, struct rng *rng, struct polygon *out)
{
    static void (*const outlines[SYNTH_MAX_CLASSES])(struct rng *, struct polygon *) = {
        outline_disc,  outline_square,   outline_triangle, outline_star,
        outline_cross, outline_crescent, outline_arrow,    outline_heart};
    out->n = 0;
    outlines[kind](rng, out);
}

void shape_blob(struct rng *rng, struct polygon *out)
{
    // Smooth radius: a few waves around the circle.
    double phase[3], height[3];
    for (int k = 0; k < 3; k++) {
        phase[k] = 2 * PI * rng_double(rng);
        height[k] = 0.28 * rng_double(rng);
    }
    out->n = 0;
    for (int i = 0; i < 40; i++) {
        double angle = 2 * PI * i / 40, radius = 0.6;
        for (int k = 0; k < 3; k++) radius += height[k] * sin((k + 2) * angle + phase[k]);
        add(out, radius * cos(angle), radius * sin(angle));
    }
}

void polygon_place(struct polygon *polygon, double angle, double scale, double x, double y)
{
    double c = scale * cos(angle), s = scale * sin(angle);
    for (int i = 0; i < polygon->n; i++) {
        double u = polygon->x[i], v = polygon->y[i];
        polygon->x[i] = x + c * u - s * v;
        polygon->y[i] = y + s * u + c * v;
    }
}

// One half-plane of Sutherland and Hodgman's method: keeps sign * (coordinate - limit) <= 0.
static void clip_half(const struct polygon *in, bool is_y, double sign, double limit,
                      struct polygon *out)
{
    out->n = 0;
    for (int i = 0; i < in->n; i++) {
        int next = (i + 1) % in->n;
        double a = sign * ((is_y ? in->y[i] : in->x[i]) - limit);
        double b = sign * ((is_y ? in->y[next] : in->x[next]) - limit);
        if (a <= 0.0) add(out, in->x[i], in->y[i]);
        if ((a < 0.0 && b > 0.0) || (a > 0.0 && b < 0.0)) {
            double t = a / (a - b);
            double x = in->x[i] + t * (in->x[next] - in->x[i]);
            double y = in->y[i] + t * (in->y[next] - in->y[i]);
            add(out, is_y ? x : limit, is_y ? limit : y);
        }
    }
}

void polygon_clip(const struct polygon *in, double width, double height, struct polygon *out)
{
    struct polygon other;
    clip_half(in, false, -1.0, 0.0, &other);
    clip_half(&other, false, 1.0, width, out);
    clip_half(out, true, -1.0, 0.0, &other);
    clip_half(&other, true, 1.0, height, out);
    int n = 0;
    for (int i = 0; i < out->n; i++) {
        double x = round(out->x[i] * 100) / 100, y = round(out->y[i] * 100) / 100;
        if (n > 0 && out->x[n - 1] == x && out->y[n - 1] == y) continue;
        out->x[n] = x;
        out->y[n++] = y;
    }
    out->n = n;
}

double polygon_area(const struct polygon *polygon)
{
    double twice = 0.0;
    for (int i = 0; i < polygon->n; i++) {
        int next = (i + 1) % polygon->n;
        twice += polygon->x[i] * polygon->y[next] - polygon->x[next] * polygon->y[i];
    }
    return fabs(twice) / 2;
}

void polygon_bounds(const struct polygon *polygon, double bounds[4])
{
    bounds[0] = bounds[1] = HUGE_VAL;
    bounds[2] = bounds[3] = -HUGE_VAL;
    for (int i = 0; i < polygon->n; i++) {
        bounds[0] = fmin(bounds[0], polygon->x[i]);
        bounds[1] = fmin(bounds[1], polygon->y[i]);
        bounds[2] = fmax(bounds[2], polygon->x[i]);
        bounds[3] = fmax(bounds[3], polygon->y[i]);
    }
}

// Where the line at height y crosses the outline, ascending.
static int crossings(const struct polygon *polygon, double y, double *xs)
{
    int n = 0;
    for (int i = 0; i < polygon->n; i++) {
        int next = (i + 1) % polygon->n;
        double y0 = polygon->y[i], y1 = polygon->y[next];
        if ((y0 <= y) == (y1 <= y)) continue;
        double x = polygon->x[i] + (y - y0) / (y1 - y0) * (polygon->x[next] - polygon->x[i]);
        int at = n++;
        for (; at > 0 && xs[at - 1] > x; at--) xs[at] = xs[at - 1];
        xs[at] = x;
    }
    return n;
}

// A polygon without corners has infinite bounds.
static int clamped(double value, int most)
{
    return (int)fmin(fmax(value, 0.0), most);
}

void polygon_fill(const struct polygon *polygon, int width, int height,
                  void (*paint)(void *context, int x, int y, float coverage), void *context)
{
    enum { LINES = 4 };
    double bounds[4], xs[LINES][POLYGON_MAX];
    int n[LINES];
    polygon_bounds(polygon, bounds);
    int x_from = clamped(floor(bounds[0]), width), x_to = clamped(ceil(bounds[2]), width);
    int y_from = clamped(floor(bounds[1]), height), y_to = clamped(ceil(bounds[3]), height);
    for (int y = y_from; y < y_to; y++) {
        for (int k = 0; k < LINES; k++) n[k] = crossings(polygon, y + (k + 0.5) / LINES, xs[k]);
        for (int x = x_from; x < x_to; x++) {
            double covered = 0.0;
            for (int k = 0; k < LINES; k++)
                for (int i = 0; i + 1 < n[k]; i += 2)
                    covered += fmax(0.0, fmin(xs[k][i + 1], x + 1) - fmax(xs[k][i], x));
            if (covered > 0.0) paint(context, x, y, (float)(covered / LINES));
        }
    }
}

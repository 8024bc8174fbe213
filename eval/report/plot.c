#include "eval/report/plot.h"

#include "draw/ticks.h"
#include "eval/report/html.h"

int plot_x(const struct plot *plot, double x)
{
    double part = (x - plot->x_low) / (plot->x_high - plot->x_low);
    return (int)(PLOT_LEFT + part * (PLOT_RIGHT - PLOT_LEFT) + 0.5);
}

int plot_y(double y)
{
    return (int)(PLOT_BOTTOM - y * (PLOT_BOTTOM - PLOT_TOP) + 0.5);
}

static void write_grid(FILE *f, const struct plot *plot)
{
    struct ticks ticks;
    ticks_linear(plot->x_low, plot->x_high, 5, false, &ticks);
    for (int i = 0; i < ticks.n; i++) {
        int x = plot_x(plot, ticks.at[i]);
        fprintf(f, "<path class=\"grid\" d=\"M%d %dV%d\"/><text x=\"%d\" y=\"%d\" class=\"tx\">", x,
                PLOT_TOP, PLOT_BOTTOM, x, PLOT_BOTTOM + 38);
        html_text(f, ticks.label[i]);
        fputs("</text>\n", f);
    }
    ticks_linear(0, 1, 5, false, &ticks);
    for (int i = 0; i < ticks.n; i++) {
        int y = plot_y(ticks.at[i]);
        fprintf(f, "<path class=\"grid\" d=\"M%d %dH%d\"/><text x=\"%d\" y=\"%d\" class=\"ty\">",
                PLOT_LEFT, y, PLOT_RIGHT, PLOT_LEFT - 14, y + 9);
        html_text(f, ticks.label[i]);
        fputs("</text>\n", f);
    }
}

void plot_begin(FILE *f, const struct plot *plot)
{
    fprintf(f,
            "<svg class=\"plot\" id=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby="
            "\"%s-title %s-desc\" data-low=\"%.9g\" data-high=\"%.9g\">\n<title id=\"%s-title\">",
            plot->id, PLOT_WIDTH, PLOT_HEIGHT, plot->id, plot->id, plot->x_low, plot->x_high,
            plot->id);
    html_text(f, plot->title);
    fprintf(f, "</title><desc id=\"%s-desc\">", plot->id);
    html_text(f, plot->description);
    fputs("</desc>\n", f);
    write_grid(f, plot);
    fprintf(f, "<text class=\"label\" x=\"%d\" y=\"%d\">", (PLOT_LEFT + PLOT_RIGHT) / 2,
            PLOT_HEIGHT - 22);
    html_text(f, plot->x_label);
    fprintf(f, "</text><text class=\"label y\" transform=\"translate(32 %d) rotate(-90)\">",
            (PLOT_TOP + PLOT_BOTTOM) / 2);
    html_text(f, plot->y_label);
    fputs("</text>\n", f);
}

void plot_end(FILE *f)
{
    fputs("</svg>\n", f);
}

static void write_point(FILE *f, struct plot_path *path, int x, int y)
{
    fprintf(f, "%c%d %d", path->n++ ? 'L' : 'M', x, y);
}

void plot_path_add(FILE *f, struct plot_path *path, int x, int y)
{
    if (path->n && y == path->y) {
        path->is_held = 1; // written only if the line then leaves its level
    } else {
        if (path->is_held) write_point(f, path, path->x, path->y);
        path->is_held = 0;
        write_point(f, path, x, y);
    }
    path->x = x;
    path->y = y;
}

void plot_path_end(FILE *f, struct plot_path *path)
{
    if (path->is_held) write_point(f, path, path->x, path->y);
    path->is_held = 0;
}

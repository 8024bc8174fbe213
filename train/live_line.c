#define _DEFAULT_SOURCE
#include "train/live_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"

enum { BAR_CELLS = 12, LINE_BYTES = 512, DEFAULT_WIDTH = 80 };

static const double least_interval = 0.1;

void live_line_start(struct live_line *line, const char *label, int64_t first)
{
    *line = (struct live_line){.label = label, .first = first, .start = clock_seconds()};
    line->is_shown = isatty(STDERR_FILENO) == 1;
}

const char *live_line_time(double seconds, char *text)
{
    int64_t s = seconds > 0 && seconds < 1e9 ? (int64_t)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, 24, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(text, 24, "%d:%02d", (int)(s / 60), (int)(s % 60));
    return text;
}

static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return DEFAULT_WIDTH;
    return size.ws_col;
}

void live_line_update(struct live_line *line, int64_t done, int64_t total, const char *text)
{
    double now = clock_seconds(), elapsed = now - line->start;
    if (!line->is_shown || total <= 0) return;
    if (done < total && line->is_dirty && now - line->drawn < least_interval) return;
    line->drawn = now;
    line->is_dirty = true;

    char bar[BAR_CELLS + 1], left[24], out[LINE_BYTES];
    int filled = (int)((double)done / (double)total * BAR_CELLS);
    for (int i = 0; i < BAR_CELLS; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR_CELLS] = 0;
    double rate = elapsed > 0 ? (double)(done - line->first) / elapsed : 0;
    double seconds = rate > 0 ? (double)(total - done) / rate : 0;
    snprintf(out, sizeof out, "%s [%s] %" PRId64 "/%" PRId64 " %.2f/s %s left%s%s", line->label,
             bar, done, total, rate, rate > 0 ? live_line_time(seconds, left) : "?",
             text ? "  " : "", text ? text : "");
    // A line that wraps could not be written over.
    size_t width = terminal_width() - 1;
    if (strlen(out) > width) out[width < sizeof out ? width : sizeof out - 1] = 0;
    fprintf(stderr, "\r%s\033[K", out);
    fflush(stderr);
}

void live_line_clear(struct live_line *line)
{
    if (!line->is_dirty) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    line->is_dirty = false;
}

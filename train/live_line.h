// One line on the terminal that is written over and over: bar, count, rate, time left, a text.
// Where stderr is no terminal nothing is shown.
#ifndef TARN_TRAIN_LIVE_LINE_H
#define TARN_TRAIN_LIVE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct live_line {
    const char *label;     // "train", "eval"; borrowed
    bool is_shown;         // a terminal is there
    bool is_dirty;         // the line holds text
    int64_t first;         // count at the start, for the rate
    double start, drawn;   // seconds
};

void live_line_start(struct live_line *line, const char *label, int64_t first);

// Draws at most ten times a second. `text` may be NULL.
void live_line_update(struct live_line *line, int64_t done, int64_t total, const char *text);

// Wipes the line, so that a message may be printed; the next update draws it again.
void live_line_clear(struct live_line *line);

// "1:02:03" or "4:05" into text of at least 24 bytes; returns text.
const char *live_line_time(double seconds, char *text);

#ifdef __cplusplus
}
#endif
#endif

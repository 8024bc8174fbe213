// What `tarn data check` tells of a data set: numbers, findings, charts.
#ifndef TARN_CLI_DATA_REPORT_H
#define TARN_CLI_DATA_REPORT_H

#include "coco/survey.h"
#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// Histograms count objects that training sees. Sides are square roots of areas in pixels of the
// image, as they are in the file and as they are after resizing.
enum { SIDE_BINS = 44, COUNT_BINS = 32, IOU_BINS = 20, ANCHOR_SETS = 2 };
struct data_report {
    size_t n_objects;
    size_t small, medium, large; // COCO's: areas below 32^2, below 96^2, the rest
    size_t sides[SIDE_BINS];     // four bins an octave from 1 pixel on
    size_t most_objects;         // of an image
    size_t count_step;           // numbers of objects in a bin of ...
    size_t counts[COUNT_BINS];   // ... images by number of objects
    int min_size, max_size;      // of the resizing
    double resized_median;       // side
    struct anchor_report {
        const char *name, *section; // "RetinaNet", "retinanet"
        double good, poor;          // an anchor matches from `good` on; below `poor` never
        size_t below_good, below_poor;
        size_t bins[IOU_BINS]; // best IoU of each object
        double mean;
    } anchors[ANCHOR_SETS];
};

// config tells sizes and anchors. ERR_MEMORY only.
enum status data_report_make(const struct survey *survey, const struct config *config,
                             struct data_report *report) MUST_USE;

// Left edge of a bin of `sides`.
double data_report_side(int bin);

// most: findings shown of each kind; 0: all.
void data_report_print(const struct survey *survey, const struct data_report *report, size_t most);

enum status data_report_save_json(const struct survey *survey, const struct data_report *report,
                                  const char *path) MUST_USE;

// classes.png, sizes.png, objects_per_image.png, anchors_retinanet.png, anchors_rpn.png.
enum status data_report_save_charts(const struct survey *survey, const struct data_report *report,
                                    const char *folder) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

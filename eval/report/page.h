// What the parts of the page are written from. Private to eval/report/.
#ifndef TARN_EVAL_REPORT_PAGE_H
#define TARN_EVAL_REPORT_PAGE_H

#include <stdio.h>

#include "eval/confusion.h"
#include "eval/curves.h"
#include "eval/report/report.h"
#include "eval/tide.h"
#include "eval/worst.h"

#ifdef __cplusplus
extern "C" {
#endif

struct page {
    FILE *stream;
    const struct eval_truth *truth;
    const struct eval_detection *detections;
    const struct evaluation *evaluation;
    const struct report_options *options;
    struct overlaps overlaps;
    int threshold;                // index of the IoU threshold of score curves: 0.5, or the first
    struct score_curve all;       // over all categories
    struct score_curve *curves;   // (n_categories)
    size_t n_categories;          // of the evaluation
    double score;                 // where `all` has its best F1; 0 without detections
    double score_low, score_high; // of all detections, at least 0 to 1
    size_t *shown;                // (n_shown) categories with the most objects, ascending
    size_t n_shown;
    struct confusion confusion;
    struct tide tide;
    struct worst_image *worst;
    size_t n_worst;
};

// A category's name, or its id when the name is empty, or "all" when categories are not used.
// buffer: for the id.
enum { PAGE_NAME_BYTES = 32 };
const char *page_class_name(const struct page *page, size_t category, char buffer[PAGE_NAME_BYTES]);

// Objects of a category that count in the first area range.
int64_t page_n_objects(const struct page *page, size_t category);

// "0.505"; a dash for -1.
void page_number(FILE *stream, double value);

// Means over what is defined, at the limit of detections that AP is taken at; -1: nothing is.
// threshold -1: all of them; category CURVE_ALL: all.
double page_ap(const struct page *page, int threshold, size_t category, int area);
double page_ar(const struct page *page, size_t category, int area);

// Colours of tide's kinds and of TIDE_CORRECT, 0xRRGGBB, for bars and drawn images alike.
extern const unsigned page_kind_colors[TIDE_NOT_COUNTED + 1];

void section_numbers(const struct page *page);
void section_curves(const struct page *page);
void section_sizes(const struct page *page);
void section_classes(const struct page *page);
void section_errors(const struct page *page);
enum status section_confusion(const struct page *page) MUST_USE;
enum status section_images(const struct page *page) MUST_USE;
void section_curve_data(const struct page *page); // the classes' curves, for the script

// report.css and report.js.
extern const unsigned char report_css[], report_js[];
extern const size_t report_css_bytes, report_js_bytes;

#ifdef __cplusplus
}
#endif
#endif

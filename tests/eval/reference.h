// A slow evaluator that shares no code with eval/: written from the definition, loops over
// everything.
#ifndef TARN_TESTS_EVAL_REFERENCE_H
#define TARN_TESTS_EVAL_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ref_object {
    int64_t id, image, category;
    double box[4], area;
    bool is_crowd;
};

struct ref_detection {
    int64_t image, category;
    double box[4], score;
};

enum { REF_OBJECTS = 512, REF_DETECTIONS = 2048, REF_SIDE = 40, REF_PIXELS = REF_SIDE * REF_SIDE };

// Images and categories: ascending ids. The order of objects and detections is the file's.
struct ref_problem {
    int64_t images[64], categories[16];
    size_t n_images, n_categories;
    struct ref_object objects[REF_OBJECTS];
    size_t n_objects;
    struct ref_detection detections[REF_DETECTIONS];
    size_t n_detections;
    // Masks instead of boxes: images of REF_SIDE x REF_SIDE pixels, 0 and 1, rows from the top.
    bool has_masks;
    uint8_t object_masks[REF_OBJECTS][REF_PIXELS], detection_masks[REF_DETECTIONS][REF_PIXELS];
};

enum { REF_T = 10, REF_R = 101, REF_A = 4, REF_M = 3, REF_K = 16 };

struct ref_tensors {
    double precision[REF_T][REF_R][REF_K][REF_A][REF_M];
    double scores[REF_T][REF_R][REF_K][REF_A][REF_M];
    double recall[REF_T][REF_K][REF_A][REF_M];
};

void reference_evaluate(const struct ref_problem *problem, struct ref_tensors *tensors);

#endif

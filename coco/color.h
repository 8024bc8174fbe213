// Random changes of an image's colours, as torchvision's ColorJitter makes them.
#ifndef TARN_COCO_COLOR_H
#define TARN_COCO_COLOR_H

#include "base/rng.h"
#include "coco/image.h"

#ifdef __cplusplus
extern "C" {
#endif

enum color_property { COLOR_BRIGHTNESS, COLOR_CONTRAST, COLOR_SATURATION, COLOR_HUE, N_COLOR };

// What is done, in this order.
struct color_change {
    int n;
    enum color_property property[N_COLOR];
    double amount[N_COLOR]; // a factor, 1: as it is; of the hue an angle, 1: a full turn
};

// strength: of each property; 0: it stays. Factors are uniform in max(0, 1 - s) to 1 + s, the angle
// in -s to s; the order is drawn too.
void color_draw(const double strength[N_COLOR], struct rng *rng, struct color_change *change);

// To 8 bits after each property, by cutting, as torchvision does with 8-bit tensors.
void color_apply(const struct color_change *change, struct image *image);

#ifdef __cplusplus
}
#endif
#endif

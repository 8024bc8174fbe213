// One synthetic picture: private to coco/synth*.c.
#ifndef TARN_COCO_SYNTH_SCENE_H
#define TARN_COCO_SYNTH_SCENE_H

#include "coco/image.h"
#include "coco/synth.h"
#include "coco/synth_shape.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SCENE_MAX_OBJECTS = 8 };

struct scene {
    struct image image;
    int n_objects;
    int kinds[SCENE_MAX_OBJECTS];
    struct polygon outlines[SCENE_MAX_OBJECTS]; // clipped to the image
};

// A function of the settings and the index alone. scene_free releases the pixels.
enum status scene_create(const struct synth_config *config, int index,
                         struct scene *scene) MUST_USE;
void scene_free(struct scene *scene);

#ifdef __cplusplus
}
#endif
#endif

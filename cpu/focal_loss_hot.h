// Sigmoid focal loss of consecutive anchors of one image (Lin et al. 2017, eq. 5).
#ifndef TARN_CPU_FOCAL_LOSS_HOT_H
#define TARN_CPU_FOCAL_LOSS_HOT_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/isa.h"

struct focal_rows {
    const float *logits;    // (n_anchors, n_classes)
    const int32_t *matched; // (n_anchors): index into labels, MATCH_NONE or MATCH_IGNORED
    const int32_t *labels;  // class index of each ground truth
    size_t n_anchors, n_classes;
    float alpha, gamma; // alpha < 0: no class balance
};

// The sum over anchors and classes.
ISA_DECLARE(double, focal_rows_loss, (const struct focal_rows *rows));

// gradient = beta * gradient + scale * d loss / d logits; ignored anchors contribute 0.
ISA_DECLARE(void, focal_rows_gradient,
            (const struct focal_rows *rows, float scale, float beta, float *gradient));

#endif

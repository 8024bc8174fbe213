#define _POSIX_C_SOURCE 200809L // mkstemp

#include "fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct detector_config fixture_config(int depth, enum norm_type norm, int n_classes)
{
    return (struct detector_config){
        .type = DETECTOR_RETINANET,
        .backbone = {.depth = depth,
                     .norm = norm,
                     .norm_eps = 1e-5,
                     .gn_groups = 32,
                     .trainable_layers = 5},
        .n_classes = n_classes,
        .seed = 7,
        .retinanet = {.prior = 0.01,
                      .focal_alpha = 0.25,
                      .focal_gamma = 2,
                      .match_high = 0.5,
                      .match_low = 0.4,
                      .score_threshold = 0.05,
                      .nms_threshold = 0.5,
                      .top_k = 1000,
                      .max_detections = 300},
    };
}

struct detector_config fixture_rcnn_config(int depth, enum detector_type type, int n_classes)
{
    struct detector_config config = fixture_config(depth, NORM_FROZEN_BN, n_classes);
    config.type = type;
    for (int i = 0; i < RPN_LEVELS; i++) config.rpn.anchor_sizes[i] = 32 << i;
    config.rpn.match_high = 0.7;
    config.rpn.match_low = 0.3;
    config.rpn.samples = 64;
    config.rpn.positive_fraction = 0.5;
    config.rpn.box_beta = 1.0 / 9;
    config.rpn.train_top_k = config.rpn.top_k = 200;
    config.rpn.train_keep = config.rpn.keep = 100;
    config.rpn.nms_threshold = 0.7;
    config.roi.match_iou = 0.5;
    config.roi.samples = 32;
    config.roi.positive_fraction = 0.25;
    config.roi.sampling_ratio = 2;
    config.roi.box_beta = 1.0 / 9;
    config.roi.score_threshold = 0.05;
    config.roi.nms_threshold = 0.5;
    config.roi.max_detections = 20;
    return config;
}

void fixture_create(struct fixture *f, const struct detector_config *config)
{
    *f = (struct fixture){0};
    MUST(backend_create_cpu(1, &f->backend));
    MUST(tape_create(f->backend, &f->tape));
    MUST(detector_create(config, f->backend, &f->detector));
}

void fixture_destroy(struct fixture *f)
{
    detector_destroy(f->detector);
    tape_destroy(f->tape);
    backend_destroy(f->backend);
    *f = (struct fixture){0};
}

void fixture_path(char path[64])
{
    snprintf(path, 64, "/tmp/tarn_detect_XXXXXX");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
}

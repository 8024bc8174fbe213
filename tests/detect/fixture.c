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

double fixture_train_step(struct fixture *f, const struct batch *batch, float lr, uint32_t step)
{
    struct params *p = detector_params(f->detector);
    struct detector_losses losses;
    double sum = 0;
    f->tape->recording = f->tape->training = true;
    f->tape->step = step;
    params_zero_grad(p);
    MUST(detector_losses(f->detector, f->tape, batch, &losses));
    f->n_losses = losses.n;
    f->n_roots = losses.n_roots;
    for (int i = 0; i < losses.n_roots; i++) sum += (double)*(float *)losses.roots[i]->data;
    MUST(tape_backward(f->tape, losses.n_roots, losses.roots, 1));
    MUST(params_finish_grad(p));
    f->tape->recording = f->tape->training = false;
    tape_reset(f->tape);
    int64_t n = (int64_t)p->group_begin[N_PARAM_GROUPS];
    struct tensor values = tensor_wrap(DTYPE_F32, 1, &n, p->values);
    struct tensor grads = tensor_wrap(DTYPE_F32, 1, &n, p->grads);
    struct tensor velocity = tensor_wrap(DTYPE_F32, 1, &n, p->velocity), *norm = NULL;
    struct sgd_args args = {.lr = lr, .momentum = 0.5f, .max_norm = 1, .first_step = step == 0};
    MUST(sum_squares(f->tape, &grads, &norm));
    MUST(sgd_step(f->tape, &values, &grads, &velocity, norm, &args));
    f->backend->params_changed(f->backend);
    tape_reset(f->tape);
    return sum;
}

double fixture_iou(const float a[4], const float b[4])
{
    double w = fmin((double)a[2], (double)b[2]) - fmax((double)a[0], (double)b[0]);
    double h = fmin((double)a[3], (double)b[3]) - fmax((double)a[1], (double)b[1]);
    double area_a = (double)((a[2] - a[0]) * (a[3] - a[1]));
    double area_b = (double)((b[2] - b[0]) * (b[3] - b[1]));
    double common = fmax(w, 0) * fmax(h, 0);
    return common / (area_a + area_b - common);
}

void fixture_path(char path[64])
{
    snprintf(path, 64, "/tmp/tarn_detect_XXXXXX");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
}

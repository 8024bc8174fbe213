#include "detect/retinanet_head.h"

#include <math.h>
#include <stdio.h>

static enum status declare_conv(struct params *params, const char *name, int out, int in,
                                double bias_value, struct tensor **weight, struct tensor **bias)
{
    char full[sizeof((struct param *)NULL)->name];
    snprintf(full, sizeof full, "%s.weight", name);
    struct param_spec spec = {
        .name = full,
        .rank = 4,
        .shape = {out, 3, 3, in},
        .group = PARAM_WEIGHT,
        .kind = PARAM_CONV,
        .init = INIT_NORMAL,
        .init_a = 0.01,
    };
    TRY(params_declare(params, &spec, weight));
    snprintf(full, sizeof full, "%s.bias", name);
    spec = (struct param_spec){
        .name = full,
        .rank = 1,
        .shape = {out},
        .group = PARAM_BIAS,
        .kind = PARAM_PLAIN,
        .init = INIT_CONSTANT,
        .init_a = bias_value,
    };
    return params_declare(params, &spec, bias);
}

static enum status declare_tower(struct params *params, const char *head, const char *last,
                                 int channels, int out, double bias, struct tower *tower)
{
    char name[96];
    for (int i = 0; i < TOWER_CONVS; i++) {
        snprintf(name, sizeof name, "head.%s.conv.%d.0", head, i);
        TRY(declare_conv(params, name, channels, channels, 0, &tower->weights[i],
                         &tower->biases[i]));
    }
    snprintf(name, sizeof name, "head.%s.%s", head, last);
    return declare_conv(params, name, out, channels, bias, &tower->weights[TOWER_CONVS],
                        &tower->biases[TOWER_CONVS]);
}

enum status retinanet_head_declare(struct params *params, int channels, int n_anchors,
                                   int n_classes, double prior, struct retinanet_head *head)
{
    double bias = -log((1 - prior) / prior);
    TRY(declare_tower(params, "classification_head", "cls_logits", channels,
                      n_anchors * n_classes, bias, &head->classes));
    return declare_tower(params, "regression_head", "bbox_reg", channels, n_anchors * 4, 0,
                         &head->boxes);
}

static enum status run_tower(const struct tower *tower, struct tape *tape, struct tensor *x,
                             struct tensor **y)
{
    struct tensor *map = x;
    for (int i = 0; i <= TOWER_CONVS; i++) {
        struct conv2d_args args = {.stride = 1, .padding = 1, .relu = i < TOWER_CONVS};
        struct tensor *next = NULL;
        TRY(conv2d(tape, map, tower->weights[i], NULL, tower->biases[i], NULL, &args, &next));
        if (map != x) tape_drop(tape, map);
        map = next;
    }
    *y = map;
    return OK;
}

enum status retinanet_head_forward(const struct retinanet_head *head, struct tape *tape,
                                   struct tensor *x, struct tensor **logits,
                                   struct tensor **deltas)
{
    TRY(run_tower(&head->classes, tape, x, logits));
    return run_tower(&head->boxes, tape, x, deltas);
}

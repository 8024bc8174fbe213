#include "detect/retinanet_head.h"

#include <math.h>
#include <stdio.h>

static enum status declare_tower(struct params *params, const char *head, const char *last,
                                 int channels, int out, double bias, struct tower *tower)
{
    struct layer_init init = {INIT_NORMAL, 0.01, INIT_CONSTANT, 0};
    char name[96];
    for (int i = 0; i < TOWER_CONVS; i++) {
        snprintf(name, sizeof name, "head.%s.conv.%d.0", head, i);
        TRY(layer_declare_conv(params, name, channels, 3, channels, &init, &tower->layers[i]));
    }
    snprintf(name, sizeof name, "head.%s.%s", head, last);
    init.bias_a = bias;
    return layer_declare_conv(params, name, out, 3, channels, &init, &tower->layers[TOWER_CONVS]);
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
        struct tensor *next = NULL;
        TRY(layer_conv(&tower->layers[i], tape, map, i < TOWER_CONVS, &next));
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

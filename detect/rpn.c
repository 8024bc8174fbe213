#include "detect/rpn.h"

enum { LOSS_OBJECTNESS = 0, LOSS_BOX = 1 };

static const float ONE[4] = {1, 1, 1, 1}; // weights of the box coder
static const float MIN_SIDE = 1e-3f;

static enum status check_config(const struct detector_config *config)
{
    for (int i = 0; i < RPN_LEVELS; i++)
        if (config->rpn.anchor_sizes[i] < 1)
            return fail(ERR_USAGE, "rpn: anchors of size %d, expected at least 1",
                        config->rpn.anchor_sizes[i]);
    if (!(config->rpn.match_low <= config->rpn.match_high))
        return fail(ERR_USAGE, "rpn: match_low %g is above match_high %g", config->rpn.match_low,
                    config->rpn.match_high);
    if (config->rpn.samples < 1 ||
        !(config->rpn.positive_fraction >= 0 && config->rpn.positive_fraction <= 1))
        return fail(ERR_USAGE, "rpn: %d samples, a fraction of %g of them positive",
                    config->rpn.samples, config->rpn.positive_fraction);
    if (config->rpn.top_k < 1 || config->rpn.train_top_k < 1 || config->rpn.keep < 1 ||
        config->rpn.train_keep < 1)
        return fail(ERR_USAGE, "rpn: top_k %d, keep %d, in training %d and %d: all must be 1 or "
                    "more", config->rpn.top_k, config->rpn.keep, config->rpn.train_top_k,
                    config->rpn.train_keep);
    return OK;
}

enum status rpn_declare(struct params *params, const struct detector_config *config, int channels,
                        struct rpn *rpn)
{
    double sizes[ANCHOR_LEVELS][3];
    static const struct layer_init init = {INIT_NORMAL, 0.01, INIT_ZERO, 0};
    TRY(check_config(config));
    for (int i = 0; i < ANCHOR_LEVELS; i++) sizes[i][0] = config->rpn.anchor_sizes[i];
    anchor_levels_init(&rpn->levels, 1, sizes, config->exact_anchors, 4);
    int n = rpn->levels.per_cell;
    TRY(layer_declare_conv(params, "rpn.head.conv.0.0", channels, 3, channels, &init, &rpn->conv));
    TRY(layer_declare_conv(params, "rpn.head.cls_logits", n, 1, channels, &init,
                           &rpn->logits));
    return layer_declare_conv(params, "rpn.head.bbox_pred", n * 4, 1, channels, &init,
                              &rpn->deltas);
}

void rpn_free(struct rpn *rpn)
{
    anchor_levels_free(&rpn->levels);
}

enum status rpn_forward(const struct rpn *rpn, struct tape *tape, struct tensor *const *maps,
                        struct level_outputs *out)
{
    for (int i = 0; i < ANCHOR_LEVELS; i++) {
        struct tensor *hidden = NULL;
        TRY(layer_conv(&rpn->conv, tape, maps[i], true, &hidden));
        TRY(layer_conv(&rpn->logits, tape, hidden, false, &out->logits[i]));
        TRY(layer_conv(&rpn->deltas, tape, hidden, false, &out->deltas[i]));
        tape_drop(tape, hidden);
    }
    level_outputs_place(&rpn->levels, out);
    return OK;
}

static enum status draw(const struct detector_config *config, struct tape *tape,
                        struct tensor *anchors, const struct batch_objects *objects,
                        const uint8_t *given, struct tensor **matched, struct tensor **sampled,
                        struct tensor **n_sampled)
{
    struct match_args match = {
        .high = (float)config->rpn.match_high,
        .low = (float)config->rpn.match_low,
        .allow_low_quality = true,
    };
    struct tensor *n_positive = NULL, *chosen = NULL;
    TRY(match_anchors(tape, anchors, objects->boxes, objects->counts, &match, matched,
                      &n_positive));
    if (given) TRY(tape_upload(tape, DTYPE_U8, 2, (*matched)->shape, given, &chosen));
    struct sample_anchors_args sample = {
        .n_samples = config->rpn.samples,
        .positive_fraction = (float)config->rpn.positive_fraction,
    };
    return sample_anchors(tape, *matched, chosen, &sample, sampled, n_sampled);
}

enum status rpn_losses(const struct detector_config *config, struct tape *tape,
                       const struct level_outputs *out, struct tensor *anchors,
                       const struct batch_objects *objects, const uint8_t *given,
                       struct detector_losses *losses)
{
    struct tensor *matched = NULL, *sampled = NULL, *n_sampled = NULL;
    TRY(draw(config, tape, anchors, objects, given, &matched, &sampled, &n_sampled));
    double n_images = (double)matched->shape[0];
    double normalizer = config->rpn.fixed_normalizer ? config->rpn.samples * n_images : 0;
    struct detector_losses result = *losses;
    result.names[LOSS_OBJECTNESS] = "objectness";
    result.names[LOSS_BOX] = "rpn_box_reg";
    for (int i = 0; i < ANCHOR_LEVELS; i++) {
        struct objectness_loss_args objectness = {out->offsets[i], normalizer};
        result.root_loss[result.n_roots] = LOSS_OBJECTNESS;
        TRY(objectness_loss(tape, out->logits[i], sampled, n_sampled, &objectness,
                            &result.roots[result.n_roots++]));
        struct rpn_box_loss_args box = {
            .offset = out->offsets[i],
            .normalizer = normalizer,
            .beta = (float)config->rpn.box_beta,
            .weights = {ONE[0], ONE[1], ONE[2], ONE[3]},
            .kind = config->rpn.box_loss,
        };
        result.root_loss[result.n_roots] = LOSS_BOX;
        TRY(rpn_box_loss(tape, out->deltas[i], anchors, matched, sampled, objects->boxes,
                         n_sampled, &box, &result.roots[result.n_roots++]));
    }
    result.n = 2;
    *losses = result;
    return OK;
}

enum status rpn_propose(const struct detector_config *config, struct tape *tape,
                        const struct level_outputs *out, struct tensor *anchors,
                        struct tensor *sizes, bool is_training, struct proposals *proposals)
{
    struct select_proposals_args select = {
        .top_k = is_training ? config->rpn.train_top_k : config->rpn.top_k,
        .min_size = MIN_SIDE,
        .weights = {ONE[0], ONE[1], ONE[2], ONE[3]},
    };
    struct proposals p;
    struct tensor *scores = NULL, *levels = NULL;
    TRY(select_proposals(tape, ANCHOR_LEVELS, out->logits, out->deltas, out->offsets, anchors,
                         sizes, &select, &p.boxes, &scores, &levels));
    struct nms_args suppress = {
        .iou_threshold = config->rpn.nms_threshold,
        .max_keep = is_training ? config->rpn.train_keep : config->rpn.keep,
    };
    TRY(nms(tape, p.boxes, scores, levels, &suppress, &p.keep, &p.n_keep));
    *proposals = p;
    return OK;
}

#include "detect/detector_kind.h"

#include "base/mem.h"

static const struct detector_kind *const kinds[] = {
    [DETECTOR_RETINANET] = &detector_retinanet,
    [DETECTOR_FASTER_RCNN] = &detector_faster_rcnn,
    [DETECTOR_MASK_RCNN] = &detector_mask_rcnn,
    [DETECTOR_CLASSIFIER] = &detector_classifier,
};

enum status detector_create(const struct detector_config *config, struct backend *backend,
                            struct detector **out)
{
    size_t type = (size_t)config->type;
    if (type >= sizeof kinds / sizeof *kinds)
        return fail(ERR_USAGE, "there is no detector type %zu", type);
    if (config->n_classes < 1)
        return fail(ERR_USAGE, "%s with %d classes, expected at least 1", kinds[type]->name,
                    config->n_classes);

    struct detector *detector = mem_alloc(1, kinds[type]->bytes);
    if (!detector) return ERR_MEMORY;
    detector->kind = kinds[type];
    detector->config = *config;
    detector->backend = backend;
    enum status status = params_create(backend, &detector->params);
    if (status == OK) status = detector->kind->build(detector);
    if (status == OK) status = params_layout(detector->params, config->seed);
    if (status == OK) status = detector->kind->refresh(detector);
    if (status != OK) {
        detector_destroy(detector);
        return status;
    }
    *out = detector;
    return OK;
}

void detector_destroy(struct detector *detector)
{
    if (!detector) return;
    detector->kind->free(detector);
    params_destroy(detector->params);
    mem_free(detector);
}

struct params *detector_params(struct detector *detector)
{
    return detector->params;
}

const struct detector_config *detector_get_config(const struct detector *detector)
{
    return &detector->config;
}

enum status detector_refresh(struct detector *detector)
{
    return detector->kind->refresh(detector);
}

enum status detector_losses(struct detector *detector, struct tape *tape,
                            const struct batch *batch, struct detector_losses *losses)
{
    return detector->kind->losses(detector, tape, batch, losses);
}

enum status detector_detect(struct detector *detector, struct tape *tape,
                            const struct batch *batch, struct detections *out)
{
    if (!detector->kind->detect)
        return fail(ERR_UNSUPPORTED, "a %s finds no boxes", detector->kind->name);
    return detector->kind->detect(detector, tape, batch, out);
}

enum status detector_classify(struct detector *detector, struct tape *tape,
                              const struct batch *batch, float *logits)
{
    if (!detector->kind->classify)
        return fail(ERR_UNSUPPORTED, "%s finds boxes, it does not classify images",
                    detector->kind->name);
    return detector->kind->classify(detector, tape, batch, logits);
}

enum status detector_forward(struct detector *detector, struct tape *tape, struct tensor *images)
{
    return detector->kind->forward(detector, tape, images);
}

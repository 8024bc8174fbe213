// ResNet classifiers against torchvision, in training mode: logits, loss, gradients, five steps of
// SGD, running statistics.
#include <criterion/criterion.h>

#include "base/mem.h"
#include "run.h"

static void compare_logits(void *context, const struct tape_node *node, bool is_backward)
{
    struct golden_run *run = context;
    if (!is_backward && node->op == OP_linear)
        golden_run_compare(run, "logits", node->call.out[0]);
}

static void check(const char *name, int depth)
{
    struct golden_run run = {.backend = NULL};
    struct detector_config config = {
        .type = DETECTOR_CLASSIFIER,
        .backbone = {.depth = depth, .norm = NORM_BN, .norm_eps = 1e-5, .trainable_layers = 5},
        .n_classes = GOLDEN_CLASSES,
        .seed = 1,
    };
    int32_t labels[GOLDEN_IMAGES];
    size_t n;
    golden_open(name, &run.golden);
    config.classifier.label_smoothing = golden_number(&run.golden, "smoothing");
    golden_close(&run.golden);
    golden_run_open(&run, name, &config);
    golden_run_set(&run, "seed", &golden_small, "bias.");
    float *want = golden_read(&run.golden, "labels", &n);
    cr_assert_eq(n, GOLDEN_IMAGES);
    for (int i = 0; i < GOLDEN_IMAGES; i++) {
        labels[i] = (int32_t)want[i];
        run.batch.counts[i] = 1;
    }
    mem_free(want);
    int32_t *own = run.batch.labels;
    int max_objects = run.batch.max_objects;
    run.batch.labels = labels;
    run.batch.max_objects = 1;
    run.tape->observer = (struct tape_observer){.context = &run, .after = compare_logits};
    golden_run_train(&run, 1, NULL);
    run.batch.labels = own;
    run.batch.max_objects = max_objects;
    golden_run_close(&run);
}

Test(golden_classifier, r18)
{
    check("classifier_r18", 18);
}

Test(golden_classifier, r50)
{
    check("classifier_r50", 50);
}

#include "run.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cuda/backend.h"

void golden_run_open(struct golden_run *run, const char *name, const struct detector_config *config)
{
    golden_open(name, &run->golden);
    const char *device = getenv("TARN_TEST_DEVICE"); // "cuda": the first GPU
    bool on_gpu = device && strcmp(device, "cuda") == 0;
    enum status status = on_gpu ? backend_create_cuda(0, &run->backend)
                                : backend_create_cpu(0, &run->backend);
    if (on_gpu && status == ERR_UNSUPPORTED) cr_skip_test("%s", fail_message());
    MUST(status);
    MUST(tape_create(run->backend, &run->tape));
    MUST(detector_create(config, run->backend, &run->detector));
    run->params = detector_params(run->detector);
}

void golden_run_close(struct golden_run *run)
{
    golden_batch_free(&run->batch);
    detector_destroy(run->detector);
    tape_destroy(run->tape);
    backend_destroy(run->backend);
    golden_close(&run->golden);
}

// Biases chosen so that no ReLU meets a value near 0, where rounding decides, and the like.
static void set_biases(struct golden_run *run, const char *prefix)
{
    size_t n_prefix = strlen(prefix);
    for (size_t i = 0; i < run->golden.file.n_tensors; i++) {
        const char *name = run->golden.file.tensors[i].name;
        size_t n;
        if (strncmp(name, prefix, n_prefix) != 0) continue;
        struct param *param = params_find(run->params, name + n_prefix);
        if (!param && strstr(name, "mask")) continue; // Faster R-CNN has none
        float *values = golden_read(&run->golden, name, &n);
        cr_assert(param != NULL && n == tensor_count(&param->tensor), "%s", name);
        MUST(params_set(run->params, param, values));
        mem_free(values);
    }
}

void golden_run_set(struct golden_run *run, const char *seed_key,
                    const struct golden_geometry *geometry, const char *prefix)
{
    uint64_t seed = (uint64_t)golden_number(&run->golden, seed_key);
    MUST(golden_set_params(seed, run->params));
    MUST(golden_batch(seed, geometry, &run->batch));
    if (prefix) set_biases(run, prefix);
    MUST(detector_refresh(run->detector));
}

void *golden_run_download(const struct golden_run *run, const struct tensor *t)
{
    void *host = mem_alloc(tensor_bytes(t), 1);
    cr_assert(host != NULL);
    MUST(run->backend->download(run->backend, host, t->data, tensor_bytes(t)));
    return host;
}

void golden_run_compare_part(struct golden_run *run, const char *name, const struct tensor *t,
                             size_t n)
{
    float *host = mem_alloc(n, sizeof *host);
    cr_assert(host && n <= tensor_count(t));
    MUST(run->backend->download(run->backend, host, t->data, n * sizeof *host));
    golden_compare(&run->golden, name, 0, name, host, n, GOLDEN_TOLERANCE);
    mem_free(host);
}

void golden_run_compare(struct golden_run *run, const char *name, const struct tensor *t)
{
    golden_run_compare_part(run, name, t, tensor_count(t));
}

void golden_run_compare_detections(struct golden_run *run, const struct detections *found,
                                   int image)
{
    char name[32];
    size_t n, n_boxes, n_labels;
    snprintf(name, sizeof name, "detections%d.scores", image);
    float *scores = golden_read(&run->golden, name, &n);
    snprintf(name, sizeof name, "detections%d.boxes", image);
    float *boxes = golden_read(&run->golden, name, &n_boxes);
    snprintf(name, sizeof name, "detections%d.labels", image);
    float *labels = golden_read(&run->golden, name, &n_labels);
    cr_assert(n_boxes == 4 * n && n_labels == n);
    cr_expect((size_t)found->counts[image] == n, "%d detections, expected %zu",
              found->counts[image], n);
    size_t first = (size_t)image * (size_t)found->capacity;
    for (size_t k = 0; k < n && k < (size_t)found->counts[image]; k++) {
        cr_expect_float_eq(found->scores[first + k], scores[k], 1e-4f);
        double best = INFINITY;
        for (size_t i = first; i < first + (size_t)found->counts[image]; i++) {
            if (found->labels[i] != (int32_t)labels[k]) continue;
            double worst = fabs((double)(found->scores[i] - scores[k]));
            for (size_t j = 0; j < 4; j++) // of image sizes around 100
                worst = fmax(worst,
                             fabs((double)(found->boxes[4 * i + j] - boxes[4 * k + j])) / 100);
            best = fmin(best, worst);
        }
        cr_expect(best <= GOLDEN_TOLERANCE, "image %d, detection %zu: the closest is off by %.2g", image,
                  k, best);
    }
    mem_free(scores);
    mem_free(boxes);
    mem_free(labels);
}

void golden_run_add_targets(struct golden_run *run)
{
    for (int i = 0; i < GOLDEN_IMAGES; i++) {
        char name[32];
        size_t n, n_boxes;
        snprintf(name, sizeof name, "targets%d.labels", i);
        float *labels = golden_read(&run->golden, name, &n);
        snprintf(name, sizeof name, "targets%d.boxes", i);
        float *boxes = golden_read(&run->golden, name, &n_boxes);
        golden_add_objects(&run->batch, i, (int)n, boxes, labels);
        mem_free(labels);
        mem_free(boxes);
    }
}

// Values of the parameters that the file lists under metadata `key`, one a line, in turn.
static void for_each_listed(struct golden_run *run, const char *key,
                            void (*visit)(struct golden_run *, struct param *, size_t row))
{
    const char *line = st_meta(&run->golden.file, key);
    cr_assert(line != NULL);
    for (size_t row = 0; *line; row++) {
        char name[128];
        size_t n = strcspn(line, "\n");
        cr_assert(n < sizeof name);
        memcpy(name, line, n);
        name[n] = '\0';
        struct param *param = params_find(run->params, name);
        cr_assert(param != NULL, "no parameter %s", name);
        visit(run, param, row);
        line += n + (line[n] == '\n');
    }
}

static void compare_gradient(struct golden_run *run, struct param *param, size_t row)
{
    cr_assert(param->trainable && param->tensor.grad, "%s is frozen", param->name);
    golden_compare(&run->golden, "gradients", row, param->name, param->tensor.grad,
                   tensor_count(&param->tensor), GOLDEN_TOLERANCE);
}

static void compare_parameter(struct golden_run *run, struct param *param, size_t row)
{
    size_t n = tensor_count(&param->tensor);
    golden_compare(&run->golden, "parameters", row, param->name, param->tensor.data, n, GOLDEN_TOLERANCE);
    golden_compare(&run->golden, "velocity", row, param->name, run->params->velocity + param->offset,
                   n, GOLDEN_TOLERANCE);
}

static void compare_running(struct golden_run *run, struct param *param, size_t row)
{
    golden_compare(&run->golden, "running", row, param->name, param->tensor.data,
                   tensor_count(&param->tensor), GOLDEN_TOLERANCE);
}

static void compare_losses(struct golden_run *run, const struct detector_losses *losses, int step)
{
    size_t n;
    float *want = golden_read(&run->golden, "losses", &n);
    double sums[DETECTOR_MAX_LOSSES] = {0};
    cr_assert(n == (size_t)losses->n * (GOLDEN_STEPS + 1));
    for (int i = 0; i < losses->n_roots; i++) {
        float value;
        MUST(run->backend->download(run->backend, &value, losses->roots[i]->data, sizeof value));
        sums[losses->root_loss[i]] += (double)value;
    }
    for (int i = 0; i < losses->n; i++) {
        double expected = (double)want[losses->n * step + i];
        cr_expect(fabs(sums[i] - expected) <= GOLDEN_TOLERANCE * expected,
                  "step %d: %s loss %.9g, expected %.9g", step, losses->names[i], sums[i],
                  expected);
    }
    mem_free(want);
}

static void descend(struct golden_run *run, bool first_step)
{
    struct params *p = run->params;
    int64_t n = (int64_t)p->group_begin[N_PARAM_GROUPS];
    struct tensor values = tensor_wrap(DTYPE_F32, 1, &n, p->values);
    struct tensor grads = tensor_wrap(DTYPE_F32, 1, &n, p->grads);
    struct tensor velocity = tensor_wrap(DTYPE_F32, 1, &n, p->velocity);
    struct sgd_args args = {
        .lr = (float)golden_number(&run->golden, "lr"),
        .momentum = (float)golden_number(&run->golden, "momentum"),
        .weight_decay = (float)golden_number(&run->golden, "weight_decay"),
        .first_step = first_step,
    };
    MUST(sgd_step(run->tape, &values, &grads, &velocity, NULL, &args));
    run->backend->params_changed(run->backend);
}

void golden_run_train(struct golden_run *run, int n_losses,
                      void (*before)(struct golden_run *run, int step))
{
    struct tape *tape = run->tape;
    for (int step = 0; step <= GOLDEN_STEPS; step++) {
        struct detector_losses losses;
        if (before) before(run, step);
        tape->recording = tape->training = true;
        params_zero_grad(run->params);
        MUST(detector_losses(run->detector, tape, &run->batch, &losses));
        cr_assert(losses.n == n_losses);
        compare_losses(run, &losses, step);
        MUST(tape_backward(tape, losses.n_roots, losses.roots, 1));
        MUST(params_finish_grad(run->params));
        if (step == 0) for_each_listed(run, "parameters", compare_gradient);
        tape->recording = tape->training = false;
        tape_reset(tape);
        if (step < GOLDEN_STEPS) descend(run, step == 0);
        tape->observer = (struct tape_observer){0};
    }
    for_each_listed(run, "parameters", compare_parameter);
    if (st_meta(&run->golden.file, "running")) for_each_listed(run, "running", compare_running);
}

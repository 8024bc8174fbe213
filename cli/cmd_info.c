#include <string.h>

#include "base/mem.h"
#include "cli/command.h"
#include "cuda/backend.h"
#include "nn/tape.h"
#include "train/flops.h"
#include "train/session.h"
#include "version.h"

struct options {
    char config[FIELD_STRING_BYTES], size[FIELD_STRING_BYTES];
};

static const struct field fields[] = {
    {"size", FIELD_STRING, offsetof(struct options, size), "", 0, 0, NULL,
     "Height and width of the image that the shapes are for, e.g. 800x1344; default: the config's "
     "min_size x max_size, of a classifier crop.size."},
    {"config", FIELD_STRING, offsetof(struct options, config), "", 0, 0, NULL,
     "Config of the model, for a checkpoint that tarn did not write."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "info",
    .arguments = "[CONFIG|CHECKPOINT.safetensors] [--size HxW] [section.key=value ...]",
    .summary =
        "Without a file: this build, its backends, pooling layers and operations. With one: a\n"
        "line for each layer of the model with shapes, parameters and floating-point operations\n"
        "(a multiplication and an addition are two).",
    .options = fields,
    .max_paths = 1,
};

static void print_pools(void)
{
    printf("\npooling layers\n");
    for (int i = 0; pool_defs[i]; i++) {
        const struct pool_def *def = pool_defs[i];
        printf("  %-10s %s\n             at:", def->name, def->summary);
        for (int site = 0; site < N_POOL_SITES; site++)
            if (def->sites & 1u << site) printf(" %s", pool_site_names[site]);
        for (const struct field *f = def->fields; f && f->name; f++)
            printf("%s%s=%s", f == def->fields ? "; " : " ", f->name, f->initial);
        printf("\n");
    }
}

static enum status print_build(void)
{
    struct backend *backend = NULL;
    char text[512];
    printf("tarn %s%s%s\nbuild      %s, %s\n", TARN_VERSION, TARN_GIT[0] ? " " : "", TARN_GIT,
           TARN_BUILD, TARN_COMPILER);
    printf("cuda       toolkit: %s\n", TARN_CUDA_TOOLKIT[0] ? TARN_CUDA_TOOLKIT : "none found");
    TRY(backend_create_cpu(0, &backend));
    backend->describe(backend, text, sizeof text);
    printf("backends   %s\n", text);
    backend_destroy(backend);
    if (backend_create_cuda(0, &backend) == OK) {
        backend->describe(backend, text, sizeof text);
        printf("           %s\n", text);
        backend_destroy(backend);
    } else {
        printf("           cuda: %s\n", fail_message());
    }
    print_pools();
    printf("\noperations (gradient: yes or no)\n");
    for (int i = 0; i < N_OPS; i++)
        printf("  %-20s %s\n", op_names[i], op_has_gradient[i] ? "yes" : "no");
    return OK;
}

struct listing {
    const struct params *params;
    const struct tensor **counted; // parameters that an earlier layer showed
    size_t n, capacity;
    enum status status;
    double flops;
    bool has_shared;
};

static bool was_counted(struct listing *listing, const struct tensor *t)
{
    for (size_t i = 0; i < listing->n; i++)
        if (listing->counted[i] == t) return true;
    listing->status = mem_reserve(&listing->counted, &listing->capacity, listing->n + 1, sizeof t);
    if (listing->status == OK) listing->counted[listing->n++] = t;
    return false;
}

static bool is_buffer(const struct params *params, const struct tensor *t)
{
    for (size_t i = 0; i < params->n; i++)
        if (&params->items[i]->tensor == t) return params->items[i]->is_buffer;
    return false;
}

// "backbone.body.conv1" of "backbone.body.conv1.weight".
static void layer_name(const struct tape_node *node, char name[128])
{
    const char *full = NULL;
    for (int i = 0; i < node->call.n_in && !full; i++)
        if (node->call.in[i] && node->call.in[i]->name) full = node->call.in[i]->name;
    const char *dot = full ? strrchr(full, '.') : NULL;
    snprintf(name, 128, "%.*s", dot ? (int)(dot - full) : 1, dot ? full : "-");
}

static void print_layer(void *context, const struct tape_node *node, bool is_backward)
{
    struct listing *listing = (struct listing *)context;
    char name[128], in[TENSOR_TEXT_BYTES], out[TENSOR_TEXT_BYTES], count[32];
    size_t n = 0;
    bool is_trained = false, is_shared = false;
    if (is_backward || listing->status != OK) return;
    layer_name(node, name);
    for (int i = 0; i < node->call.n_in; i++) {
        const struct tensor *t = node->call.in[i];
        if (!t || !t->is_param || is_buffer(listing->params, t)) continue;
        if (was_counted(listing, t)) {
            is_shared = true;
            continue;
        }
        n += tensor_count(t);
        is_trained = is_trained || t->needs_grad;
    }
    listing->has_shared = listing->has_shared || is_shared;
    snprintf(count, sizeof count, "%zu%s", n, is_shared ? "=" : n && !is_trained ? "*" : "");
    double flops = flops_of(node, false);
    listing->flops += flops;
    printf("%-46s %-18s %-20s %-20s %11s %9.3f\n", name, op_names[node->op],
           tensor_text(node->call.in[0], in), tensor_text(node->call.out[0], out), count,
           flops * 1e-9);
}

// Parameters of what inference leaves out: auxiliary classifiers.
static void print_training_only(struct listing *listing)
{
    for (size_t i = 0; i < listing->params->n; i++) {
        const struct param *param = listing->params->items[i];
        const struct tensor *t = &param->tensor;
        char text[TENSOR_TEXT_BYTES];
        if (param->is_buffer || was_counted(listing, t)) continue;
        printf("%-46s %-18s %-20s %-20s %11zu\n", t->name, "in training only", tensor_text(t, text),
               "", tensor_count(t));
    }
}

static enum status list_layers(struct session *session, int height, int width)
{
    const struct params *params = detector_params(session->detector);
    struct listing listing = {.params = params, .status = OK};
    struct tape *tape = NULL;
    struct tensor *images = NULL;
    int64_t shape[4] = {1, height, width, 3};
    enum status status = OK;
    GUARD(tape_create(session->backend, &tape));
    tape->dry = true;
    tape->observer = (struct tape_observer){.context = &listing, .after = print_layer};
    GUARD(tape_tensor(tape, DTYPE_F32, 4, shape, &images));
    printf("%-46s %-18s %-20s %-20s %11s %9s\n", "layer", "operation", "input", "output",
           "parameters", "GFLOP");
    GUARD(detector_forward(session->detector, tape, images));
    print_training_only(&listing);
    GUARD(listing.status);
    printf("\n%zu parameters, %zu of them trained; %.2f GFLOP for an image of %dx%d (forward)\n",
           params_count(params, false), params_count(params, true), listing.flops * 1e-9, height,
           width);
    printf("* frozen%s\n", listing.has_shared ? "   = shared with a layer above" : "");
done:
    tape_destroy(tape);
    mem_free(listing.counted);
    return status;
}

static int round_up(int64_t n)
{
    return (int)((n + 31) / 32 * 32);
}

static bool is_checkpoint(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".safetensors") == 0;
}

static enum status open_config(const char *path, const struct arguments *arguments,
                               struct session **session)
{
    struct config *config = (struct config *)mem_alloc(1, sizeof *config);
    enum status status = config ? OK : ERR_MEMORY;
    if (!config) return status;
    config_defaults(config);
    GUARD(config_load(path, config));
    GUARD(config_override(config, arguments->n_assignments, arguments->assignments));
    GUARD(config_check(config));
    GUARD(session_open_model(config, "cpu", session));
    if (config->model.n_classes == 0)
        printf("model.n_classes is 0 (as the training data need): shown with %lld\n",
               (long long)(*session)->config.model.n_classes);
done:
    mem_free(config);
    return status;
}

static enum status describe(const char *path, const struct options *options,
                            const struct arguments *arguments)
{
    struct session *session = NULL;
    enum status status = OK;
    int height, width;
    if (options->size[0]) TRY(arguments_size("size", options->size, &height, &width));
    if (is_checkpoint(path))
        GUARD(session_open_checkpoint(path, options->config[0] ? options->config : NULL, "cpu",
                                      arguments->n_assignments, arguments->assignments, &session));
    else
        GUARD(open_config(path, arguments, &session));
    const struct config *config = &session->config;
    if (!options->size[0] && config_is_classifier(config)) {
        height = width = round_up(config->crop.size);
    } else if (!options->size[0]) {
        height = round_up(config->data.min_size.v[config->data.min_size.n - 1]);
        width = round_up(config->data.max_size);
    }
    for (size_t i = 0; i < session->classes.n; i++) {
        const struct class_entry *c = &session->classes.entries[i];
        printf("class %d: %s (category id %lld)\n", c->label, c->name, (long long)c->category_id);
    }
    GUARD(list_layers(session, height, width));
done:
    session_close(session);
    return status;
}

static enum status run(const void *options, const struct arguments *arguments)
{
    if (!arguments->n_paths) return print_build();
    return describe(arguments->paths[0], (const struct options *)options, arguments);
}

enum status cmd_info(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}

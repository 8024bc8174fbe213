#include "cuda/cudnn_engine.h"

#include <cudnn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIGS = 64, MAX_KNOBS = CUDNN_KNOB_TYPE_COUNTS };

// ---- from cuDNN's heuristics -------------------------------------------------------------------

static bool has_note(cudnnBackendDescriptor_t engine, cudnnBackendNumericalNote_t wanted)
{
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    int64_t n = 0;
    if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                 CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &n,
                                 notes) != CUDNN_STATUS_SUCCESS)
        return true; // unknown: left out
    for (int64_t i = 0; i < n; i++)
        if (notes[i] == wanted) return true;
    return false;
}

static bool is_allowed(cudnnBackendDescriptor_t engine, const struct conv_problem *problem)
{
    if (has_note(engine, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) return false;
    if (has_note(engine, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return false;
    // Winograd's large tiles lose too many bits.
    if (has_note(engine, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6)) return false;
    if (has_note(engine, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13)) return false;
    if (problem->input_dtype == DTYPE_BF16) return true;
    if (has_note(engine, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) return false; // to f16
    // Tensor cores take f32 as TF32 only.
    return problem->tf32 || !has_note(engine, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
}

// Its kernel is compiled when a plan is made of it, which takes a second or so, in each process.
static bool is_compiled_late(cudnnBackendDescriptor_t engine)
{
    cudnnBackendBehaviorNote_t notes[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
    int64_t n = 0;
    if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                                 CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT, &n,
                                 notes) != CUDNN_STATUS_SUCCESS)
        return false;
    for (int64_t i = 0; i < n; i++)
        if (notes[i] == CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) return true;
    return false;
}

static int compare_knobs(const void *a, const void *b)
{
    const int64_t *x = (const int64_t *)a, *y = (const int64_t *)b;
    return (x[0] > y[0]) - (x[0] < y[0]);
}

// The settings of a configuration as pairs of type and value, in ascending order of types.
static bool read_knobs(cudnnBackendDescriptor_t config, int64_t knobs[MAX_KNOBS][2], int *n_knobs)
{
    cudnnBackendDescriptor_t choices[MAX_KNOBS];
    int64_t n_made = 0, n = 0;
    bool is_good = true;
    for (; n_made < MAX_KNOBS && is_good; n_made++)
        is_good = cudnnBackendCreateDescriptor(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR,
                                               &choices[n_made]) == CUDNN_STATUS_SUCCESS;
    if (!is_good) n_made--;
    is_good = is_good &&
              cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, MAX_KNOBS, &n,
                                       choices) == CUDNN_STATUS_SUCCESS;
    for (int64_t i = 0; i < n && is_good; i++) {
        cudnnBackendKnobType_t type = CUDNN_KNOB_TYPE_COUNTS;
        int64_t value = 0, one = 0;
        is_good = cudnnBackendGetAttribute(choices[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                                           CUDNN_TYPE_KNOB_TYPE, 1, &one,
                                           &type) == CUDNN_STATUS_SUCCESS &&
                  cudnnBackendGetAttribute(choices[i], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                                           CUDNN_TYPE_INT64, 1, &one,
                                           &value) == CUDNN_STATUS_SUCCESS;
        knobs[i][0] = (int64_t)type;
        knobs[i][1] = value;
    }
    for (int64_t i = 0; i < n_made; i++) (void)cudnnBackendDestroyDescriptor(choices[i]);
    if (is_good) qsort(knobs, (size_t)n, sizeof knobs[0], compare_knobs);
    *n_knobs = (int)n;
    return is_good;
}

// false: not allowed, or too long a text to be kept.
static bool describe_config(cudnnBackendDescriptor_t config, const struct conv_problem *problem,
                            char text[PLAN_ENGINE_BYTES], bool *is_late)
{
    int64_t knobs[MAX_KNOBS][2], id = -1, one = 0;
    int n_knobs = 0;
    cudnnBackendDescriptor_t engine;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) !=
        CUDNN_STATUS_SUCCESS)
        return false;
    bool is_good =
        cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 1, &one, &engine) == CUDNN_STATUS_SUCCESS &&
        cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &one,
                                 &id) == CUDNN_STATUS_SUCCESS &&
        is_allowed(engine, problem) && read_knobs(config, knobs, &n_knobs);
    *is_late = is_good && is_compiled_late(engine);
    (void)cudnnBackendDestroyDescriptor(engine);
    if (!is_good) return false;
    int n = snprintf(text, PLAN_ENGINE_BYTES, "engine %" PRId64, id);
    for (int i = 0; i < n_knobs && n < PLAN_ENGINE_BYTES; i++)
        n += snprintf(text + n, (size_t)(PLAN_ENGINE_BYTES - n), " k%" PRId64 "=%" PRId64,
                      knobs[i][0], knobs[i][1]);
    return n < PLAN_ENGINE_BYTES;
}

static void add_candidate(struct engine_list *list, const char *text, int most)
{
    for (int i = 0; i < list->n; i++)
        if (strcmp(list->engines[i], text) == 0) return;
    if (list->n < most)
        snprintf(list->engines[list->n++], PLAN_ENGINE_BYTES, "%s", text);
}

static void read_results(cudnnBackendDescriptor_t heuristics, const struct conv_problem *problem,
                         struct engine_list *list, struct engine_list *late)
{
    cudnnBackendDescriptor_t configs[MAX_CONFIGS];
    char text[PLAN_ENGINE_BYTES];
    int64_t n_made = 0, n = 0;
    bool is_late = false;
    while (n_made < MAX_CONFIGS &&
           cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[n_made]) ==
               CUDNN_STATUS_SUCCESS)
        n_made++;
    if (cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, n_made, &n,
                                 configs) == CUDNN_STATUS_SUCCESS)
        for (int64_t i = 0; i < n && i < n_made; i++)
            if (describe_config(configs[i], problem, text, &is_late))
                add_candidate(is_late ? late : list, text,
                              is_late ? ENGINE_MAX_LATE : ENGINE_MAX_CANDIDATES);
    for (int64_t i = 0; i < n_made; i++) (void)cudnnBackendDestroyDescriptor(configs[i]);
}

static enum status ask_heuristics(const struct cudnn_target *target,
                                  const struct conv_problem *problem, struct conv_graph *graph,
                                  cudnnBackendHeurMode_t mode, struct engine_list *list,
                                  struct engine_list *late)
{
    cudnnBackendDescriptor_t h;
    TRY(conv_graph_descriptor(graph, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &h));
    TRY(cudnn_set(h, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                  &graph->graph));
    TRY(cudnn_set(h, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode));
    if (target->device)
        TRY(cudnn_set(h, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                      &target->device));
    enum status status = cudnn_check(cudnnBackendFinalize(h), "engine heuristics");
    if (status == ERR_UNSUPPORTED) return OK; // no engine for this graph
    if (status == OK) read_results(h, problem, list, late);
    return status;
}

enum status engine_list_find(const struct cudnn_target *target, const struct conv_problem *problem,
                             struct conv_graph *graph, struct engine_list *list)
{
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
    struct engine_list late = {.n = 0};
    enum status status = OK;
    memset(list, 0, sizeof *list);
    // Where one of them fails the other may know engines all the same.
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        enum status asked = ask_heuristics(target, problem, graph, modes[i], list, &late);
        if (asked != OK) status = asked;
    }
    if (list->n == 0) *list = late;
    return list->n > 0 ? OK : status;
}

// ---- from a text -------------------------------------------------------------------------------

// Descriptors of one plan, apart from the plan itself.
struct parts {
    cudnnBackendDescriptor_t all[2 + MAX_KNOBS];
    int n;
};

static enum status make(struct parts *parts, cudnnBackendDescriptorType_t type,
                        cudnnBackendDescriptor_t *descriptor)
{
    TRY(cudnn_check(cudnnBackendCreateDescriptor(type, descriptor), "new descriptor"));
    parts->all[parts->n++] = *descriptor;
    return OK;
}

static enum status bad_engine(const char *text)
{
    return fail(ERR_UNSUPPORTED, "'%s' names no engine of cuDNN", text);
}

static enum status make_config(const struct cudnn_target *target, struct parts *parts,
                               const struct conv_graph *graph, const char *text,
                               cudnnBackendDescriptor_t *config)
{
    cudnnBackendDescriptor_t engine, knobs[MAX_KNOBS], made;
    int n_knobs = 0, used = 0;
    int64_t id = 0;
    if (sscanf(text, "engine %9" SCNd64 "%n", &id, &used) != 1) return bad_engine(text);
    TRY(make(parts, CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine));
    TRY(cudnn_set(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                  &graph->graph));
    TRY(cudnn_set(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &id));
    if (target->device)
        TRY(cudnn_set(engine, CUDNN_ATTR_ENGINE_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                      &target->device));
    TRY(cudnn_check(cudnnBackendFinalize(engine), "engine"));
    for (const char *p = text + used; *p; p += used) {
        int number = 0;
        int64_t value = 0;
        if (n_knobs == MAX_KNOBS ||
            sscanf(p, " k%4d=%18" SCNd64 "%n", &number, &value, &used) != 2)
            return bad_engine(text);
        cudnnBackendKnobType_t type = (cudnnBackendKnobType_t)number;
        TRY(make(parts, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &knobs[n_knobs]));
        TRY(cudnn_set(knobs[n_knobs], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1,
                      &type));
        TRY(cudnn_set(knobs[n_knobs], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1,
                      &value));
        TRY(cudnn_check(cudnnBackendFinalize(knobs[n_knobs++]), "engine setting"));
    }
    TRY(make(parts, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &made));
    TRY(cudnn_set(made, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine));
    if (n_knobs)
        TRY(cudnn_set(made, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                      n_knobs, knobs));
    TRY(cudnn_check(cudnnBackendFinalize(made), "engine configuration"));
    *config = made;
    return OK;
}

static enum status finish_plan(const struct cudnn_target *target, cudnnBackendDescriptor_t config,
                               cudnnBackendDescriptor_t plan, size_t *workspace_bytes)
{
    int64_t bytes = 0, one = 0;
    if (target->handle)
        TRY(cudnn_set(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1,
                      &target->handle));
    else
        TRY(cudnn_set(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                      &target->device));
    TRY(cudnn_set(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                  &config));
    TRY(cudnn_check(cudnnBackendFinalize(plan), "execution plan"));
    TRY(cudnn_check(cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                             CUDNN_TYPE_INT64, 1, &one, &bytes),
                    "workspace size"));
    *workspace_bytes = (size_t)bytes;
    return OK;
}

enum status engine_plan(const struct cudnn_target *target, const struct conv_graph *graph,
                        const char *engine, cudnnBackendDescriptor_t *plan,
                        size_t *workspace_bytes)
{
    struct parts parts = {.n = 0};
    cudnnBackendDescriptor_t config = NULL, made = NULL;
    enum status status = OK;
    GUARD(make_config(target, &parts, graph, engine, &config));
    GUARD(cudnn_check(cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &made),
                      "new descriptor"));
    GUARD(finish_plan(target, config, made, workspace_bytes));
    *plan = made;
    made = NULL;
done:
    if (made) (void)cudnnBackendDestroyDescriptor(made);
    while (parts.n > 0) (void)cudnnBackendDestroyDescriptor(parts.all[--parts.n]);
    return status;
}

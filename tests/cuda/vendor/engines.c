// cuDNN without a GPU: operation graphs are built and checked by the library itself, and its
// heuristics name engines for a GPU that is only described to them. Engines that are compiled when
// they are first used need a driver and drop out here.
#include <criterion/criterion.h>
#include <cudnn.h>
#include <string.h>

#include "cuda/cudnn_engine.h"

// What cuDNN 9.19 writes of an H100. The form is not documented: where a version does not take it,
// these tests are skipped.
static const char h100[] =
    "{\"deviceName\":\"NVIDIA H100 80GB HBM3\",\"maxGridSize\":[2147483647,65535,65535],"
    "\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,\"multiProcessorCount\":132,"
    "\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":232448,"
    "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,\"maxCtasPerSM\":32,"
    "\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,\"pciDeviceId\":0,\"isTccDriver\":0,"
    "\"supportCoopLaunch\":1,\"totalGlobalMem\":85000000000,\"smClockRateKHz\":1980000,"
    "\"memClockRateKHz\":2619000,\"l2CacheSize\":52428800,\"cudaDeviceId\":0,\"deviceVer\":900,"
    "\"driverVer\":13000}";

static struct cudnn_target described_device(void)
{
    struct cudnn_target target = {NULL, NULL};
    enum status status = cudnn_check(
        cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &target.device), "device");
    if (status == OK)
        status = cudnn_set(target.device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                           CUDNN_TYPE_CHAR, (int64_t)sizeof h100, h100);
    if (status == OK) status = cudnn_check(cudnnBackendFinalize(target.device), "device");
    if (status != OK) cr_skip_test("this cuDNN takes no such device: %s", fail_message());
    return target;
}

static struct conv_problem problem(enum conv_kind kind, enum dtype input, enum dtype result)
{
    return (struct conv_problem){.kind = kind, .n = 2, .h = 64, .w = 96, .c = 32, .o = 64, .oh = 64,
                                 .ow = 96, .kh = 3, .kw = 3, .stride = 1, .padding = 1,
                                 .input_dtype = (int32_t)input, .result_dtype = (int32_t)result};
}

static void expect_operations(const struct conv_problem *p, int n_ops)
{
    struct conv_graph graph;
    char text[CONV_TEXT_BYTES];
    cr_expect_eq(conv_graph_operations(p, &graph), OK, "%s: %s", conv_problem_text(p, text),
                 fail_message());
    cr_expect_eq(graph.n_ops, n_ops, "%s: %d operations", conv_problem_text(p, text), graph.n_ops);
    conv_graph_free(&graph);
}

Test(vendor, operations_are_complete)
{
    for (int types = 0; types < 3; types++) {
        enum dtype input = types ? DTYPE_BF16 : DTYPE_F32;
        enum dtype result = types == 1 ? DTYPE_BF16 : DTYPE_F32;
        for (int epilogue = 0; epilogue < 8; epilogue++) {
            struct conv_problem p = problem(CONV_FORWARD, input, result);
            p.bias = epilogue & 1;
            p.residual = epilogue >> 1 & 1;
            p.relu = epilogue >> 2 & 1;
            expect_operations(&p, 1 + p.bias + p.residual + p.relu);
        }
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            struct conv_problem data = problem(CONV_BACKWARD_DATA, input, result);
            struct conv_problem filter = problem(CONV_BACKWARD_FILTER, input, result);
            data.accumulate = filter.accumulate = accumulate;
            expect_operations(&data, 1);
            expect_operations(&filter, 1);
        }
    }
    struct conv_problem stem = problem(CONV_FORWARD, DTYPE_BF16, DTYPE_BF16);
    stem.c = 3;
    stem.kh = stem.kw = 7;
    stem.padding = 3;
    stem.stride = 2;
    stem.oh = 32;
    stem.ow = 48;
    expect_operations(&stem, 1);
}

Test(vendor, a_wrong_output_is_refused)
{
    struct conv_problem p = problem(CONV_FORWARD, DTYPE_F32, DTYPE_F32);
    struct conv_graph graph;
    p.ow++;
    cr_assert_eq(conv_graph_operations(&p, &graph), ERR_UNSUPPORTED);
    cr_assert(strstr(fail_message(), "cuDNN"), "%s", fail_message());
    conv_graph_free(&graph);
}

static void expect_engines(const struct conv_problem *p)
{
    struct cudnn_target target = described_device();
    struct conv_graph graph;
    struct engine_list list;
    char text[CONV_TEXT_BYTES];
    int n_plans = 0;
    conv_problem_text(p, text);
    cr_assert_eq(conv_graph_operations(p, &graph), OK, "%s: %s", text, fail_message());
    cr_assert_eq(conv_graph_finish(&target, &graph), OK, "%s: %s", text, fail_message());
    cr_assert_eq(engine_list_find(&target, p, &graph, &list), OK, "%s: %s", text, fail_message());
    cr_assert_gt(list.n, 0, "%s: no engine", text);
    for (int i = 0; i < list.n; i++) {
        cudnnBackendDescriptor_t plan = NULL;
        size_t workspace = 0;
        if (engine_plan(&target, &graph, list.engines[i], &plan, &workspace) != OK) continue;
        n_plans++;
        (void)cudnnBackendDestroyDescriptor(plan);
    }
    cr_assert_gt(n_plans, 0, "%s: none of %d engines, among them %s: %s", text, list.n,
                 list.engines[0], fail_message());
    conv_graph_free(&graph);
    (void)cudnnBackendDestroyDescriptor(target.device);
}

Test(vendor, f32_has_engines_without_tensor_cores)
{
    for (int kind = CONV_FORWARD; kind <= CONV_BACKWARD_FILTER; kind++) {
        struct conv_problem p = problem((enum conv_kind)kind, DTYPE_F32, DTYPE_F32);
        expect_engines(&p);
    }
}

Test(vendor, bf16_has_engines)
{
    for (int kind = CONV_FORWARD; kind <= CONV_BACKWARD_FILTER; kind++) {
        struct conv_problem p = problem((enum conv_kind)kind, DTYPE_BF16, DTYPE_BF16);
        expect_engines(&p);
        p.accumulate = kind == CONV_BACKWARD_DATA;
        if (p.accumulate) expect_engines(&p);
    }
}

// Classes make any number of channels, odd ones too; images have three.
Test(vendor, unusual_channels_have_engines)
{
    static const int channels[][2] = {{3, 64}, {256, 819}, {256, 3}, {17, 19}};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (int kind = CONV_FORWARD; kind <= CONV_BACKWARD_FILTER; kind++) {
            struct conv_problem p = problem((enum conv_kind)kind, DTYPE_BF16, DTYPE_BF16);
            p.c = channels[i][0];
            p.o = channels[i][1];
            expect_engines(&p);
            p.input_dtype = p.result_dtype = DTYPE_F32;
            expect_engines(&p);
        }
}

Test(vendor, texts_that_name_no_engine)
{
    static const char *const bad[] = {"",           "engine",        "engine x", "engine 999999",
                                      "engine 0 k", "engine 0 k1=2 k", "engine 0 k999=1",
                                      "engine -1"};
    struct cudnn_target target = described_device();
    struct conv_problem p = problem(CONV_FORWARD, DTYPE_F32, DTYPE_F32);
    struct conv_graph graph;
    cr_assert_eq(conv_graph_operations(&p, &graph), OK);
    cr_assert_eq(conv_graph_finish(&target, &graph), OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cudnnBackendDescriptor_t plan = NULL;
        size_t workspace = 0;
        cr_expect_neq(engine_plan(&target, &graph, bad[i], &plan, &workspace), OK, "'%s'", bad[i]);
        cr_expect_null(plan);
    }
    conv_graph_free(&graph);
    (void)cudnnBackendDestroyDescriptor(target.device);
}

#include "cuda/cudnn_graph.h"

#include <cudnn.h>
#include <stdio.h>
#include <string.h>

enum status cudnn_check(int status, const char *what)
{
    char more[512] = "";
    if (status == CUDNN_STATUS_SUCCESS) return OK;
    cudnnGetLastErrorString(more, sizeof more);
    for (char *p = more; *p; p++)
        if (*p == '\n') *p = ' ';
    // What the installation lacks is no refusal: it says nothing of the graph.
    bool lacks = status == CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING ||
                 status == CUDNN_STATUS_NOT_SUPPORTED_SUBLIBRARY_UNAVAILABLE;
    bool refused = CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED ||
                   CUDNN_STATUS_CATEGORY(status) == 2000; // bad parameter
    return fail(refused && !lacks ? ERR_UNSUPPORTED : ERR_DEVICE, "cuDNN: %s: %s%s%s", what,
                cudnnGetErrorString((cudnnStatus_t)status), more[0] ? ": " : "", more);
}

enum status cudnn_set(cudnn_descriptor descriptor, int name, int type, int64_t n,
                      const void *values)
{
    char what[32];
    cudnnStatus_t status =
        cudnnBackendSetAttribute(descriptor, (cudnnBackendAttributeName_t)name,
                                 (cudnnBackendAttributeType_t)type, n, values);
    if (status == CUDNN_STATUS_SUCCESS) return OK;
    snprintf(what, sizeof what, "attribute %d", name);
    return cudnn_check(status, what);
}

enum status conv_graph_descriptor(struct conv_graph *graph, int type,
                                  cudnn_descriptor *descriptor)
{
    cudnnBackendDescriptor_t made = NULL;
    if (graph->n == CONV_MAX_DESCRIPTORS)
        return fail(ERR_DEVICE, "a convolution of more than %d parts", CONV_MAX_DESCRIPTORS);
    TRY(cudnn_check(cudnnBackendCreateDescriptor((cudnnBackendDescriptorType_t)type, &made),
                    "new descriptor"));
    graph->all[graph->n++] = made;
    *descriptor = made;
    return OK;
}

void conv_graph_free(struct conv_graph *graph)
{
    while (graph->n > 0) (void)cudnnBackendDestroyDescriptor(graph->all[--graph->n]);
    memset(graph, 0, sizeof *graph);
}

static cudnnDataType_t data_type(int32_t dtype)
{
    return dtype == DTYPE_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

// cuDNN lists a tensor's extents as N, C, H, W (a filter's as O, C, kh, kw) whatever lies beside
// what; that channels are innermost is told by the strides.
static enum status make_tensor(struct conv_graph *graph, int64_t uid, cudnnDataType_t type,
                               bool is_virtual, const int64_t nhwc[4],
                               cudnnBackendDescriptor_t *tensor)
{
    const int64_t alignment = 16, h = nhwc[1], w = nhwc[2], c = nhwc[3];
    const int64_t extents[4] = {nhwc[0], c, h, w}, strides[4] = {h * w * c, 1, w * c, c};
    cudnnBackendDescriptor_t t;
    TRY(conv_graph_descriptor(graph, CUDNN_BACKEND_TENSOR_DESCRIPTOR, &t));
    TRY(cudnn_set(t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    TRY(cudnn_set(t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, extents));
    TRY(cudnn_set(t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides));
    TRY(cudnn_set(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid));
    TRY(cudnn_set(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment));
    if (is_virtual)
        TRY(cudnn_set(t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual));
    TRY(cudnn_check(cudnnBackendFinalize(t), "tensor"));
    *tensor = t;
    return OK;
}

static enum status make_convolution(struct conv_graph *graph, const struct conv_problem *p,
                                    cudnnBackendDescriptor_t *convolution)
{
    const cudnnDataType_t sums = CUDNN_DATA_FLOAT;
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    const int64_t two = 2, ones[2] = {1, 1}, strides[2] = {p->stride, p->stride};
    const int64_t padding[2] = {p->padding, p->padding};
    cudnnBackendDescriptor_t c;
    TRY(conv_graph_descriptor(graph, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, &c));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &two));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &sums));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, padding));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, padding));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, ones));
    TRY(cudnn_set(c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, strides));
    TRY(cudnn_check(cudnnBackendFinalize(c), "convolution"));
    *convolution = c;
    return OK;
}

// The attributes of the three kinds of convolution, which differ in their names alone.
struct kind_names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t convolution, x, w, y, alpha, beta;
};

static const struct kind_names kind_names[] = {
    [CONV_FORWARD] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    [CONV_BACKWARD_DATA] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    [CONV_BACKWARD_FILTER] = {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

static enum status add_convolution(struct conv_graph *graph, const struct conv_problem *p,
                                   cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t w,
                                   cudnnBackendDescriptor_t y)
{
    const struct kind_names *names = &kind_names[p->kind];
    const float alpha = 1.0f, beta = p->accumulate ? 1.0f : 0.0f;
    cudnnBackendDescriptor_t convolution, op;
    TRY(make_convolution(graph, p, &convolution));
    TRY(conv_graph_descriptor(graph, names->type, &op));
    TRY(cudnn_set(op, names->convolution, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &convolution));
    TRY(cudnn_set(op, names->x, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &x));
    TRY(cudnn_set(op, names->w, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &w));
    TRY(cudnn_set(op, names->y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &y));
    TRY(cudnn_set(op, names->alpha, CUDNN_TYPE_FLOAT, 1, &alpha));
    TRY(cudnn_set(op, names->beta, CUDNN_TYPE_FLOAT, 1, &beta));
    TRY(cudnn_check(cudnnBackendFinalize(op), "operation convolution"));
    graph->ops[graph->n_ops++] = op;
    return OK;
}

// to = from + b, or relu(from) without b.
static enum status add_pointwise(struct conv_graph *graph, cudnnPointwiseMode_t mode,
                                 cudnnBackendDescriptor_t from, cudnnBackendDescriptor_t b,
                                 cudnnBackendDescriptor_t to)
{
    const cudnnDataType_t arithmetic = CUDNN_DATA_FLOAT;
    cudnnBackendDescriptor_t pointwise, op;
    TRY(conv_graph_descriptor(graph, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, &pointwise));
    TRY(cudnn_set(pointwise, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode));
    TRY(cudnn_set(pointwise, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1,
                  &arithmetic));
    TRY(cudnn_check(cudnnBackendFinalize(pointwise), "pointwise"));
    TRY(conv_graph_descriptor(graph, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, &op));
    TRY(cudnn_set(op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                  1, &pointwise));
    TRY(cudnn_set(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                  &from));
    if (b)
        TRY(cudnn_set(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                      &b));
    TRY(cudnn_set(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                  &to));
    TRY(cudnn_check(cudnnBackendFinalize(op), "operation pointwise"));
    graph->ops[graph->n_ops++] = op;
    return OK;
}

// What follows a convolution: residual, bias, relu, in this order, which is the one that cuDNN's
// compiled kernels know. Between the steps stand f32 tensors that are never in memory.
static enum status forward_operations(struct conv_graph *graph, const struct conv_problem *p,
                                      cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t w)
{
    const int64_t y_shape[4] = {p->n, p->oh, p->ow, p->o}, bias_shape[4] = {1, 1, 1, p->o};
    const struct {
        bool wanted;
        cudnnPointwiseMode_t mode;
        int64_t uid; // of the second operand; 0: none
        const int64_t *shape;
        cudnnDataType_t type;
    } steps[] = {
        {p->residual, CUDNN_POINTWISE_ADD, UID_RESIDUAL, y_shape, data_type(p->result_dtype)},
        {p->bias, CUDNN_POINTWISE_ADD, UID_BIAS, bias_shape, CUDNN_DATA_FLOAT},
        {p->relu, CUDNN_POINTWISE_RELU_FWD, 0, NULL, CUDNN_DATA_FLOAT},
    };
    enum { N_STEPS = sizeof steps / sizeof *steps };
    int n_left = 0;
    for (int i = 0; i < N_STEPS; i++) n_left += steps[i].wanted;
    cudnnBackendDescriptor_t from, to, operand;
    TRY(make_tensor(graph, n_left ? UID_VIRTUAL : UID_Y,
                    n_left ? CUDNN_DATA_FLOAT : data_type(p->result_dtype), n_left > 0, y_shape,
                    &from));
    TRY(add_convolution(graph, p, x, w, from));
    for (int i = 0; i < N_STEPS; i++, from = to) {
        to = from;
        if (!steps[i].wanted) continue;
        n_left--;
        operand = NULL;
        if (steps[i].uid)
            TRY(make_tensor(graph, steps[i].uid, steps[i].type, false, steps[i].shape, &operand));
        TRY(make_tensor(graph, n_left ? UID_VIRTUAL + 1 + i : UID_Y,
                        n_left ? CUDNN_DATA_FLOAT : data_type(p->result_dtype), n_left > 0,
                        y_shape, &to));
        TRY(add_pointwise(graph, steps[i].mode, from, operand, to));
    }
    return OK;
}

enum status conv_graph_operations(const struct conv_problem *p, struct conv_graph *graph)
{
    const int64_t x_shape[4] = {p->n, p->h, p->w, p->c}, w_shape[4] = {p->o, p->kh, p->kw, p->c};
    const int64_t y_shape[4] = {p->n, p->oh, p->ow, p->o};
    cudnnDataType_t in = data_type(p->input_dtype), out = data_type(p->result_dtype);
    cudnnBackendDescriptor_t x, w, y;
    memset(graph, 0, sizeof *graph);
    TRY(make_tensor(graph, UID_X, p->kind == CONV_BACKWARD_DATA ? out : in, false, x_shape, &x));
    TRY(make_tensor(graph, UID_W, p->kind == CONV_BACKWARD_FILTER ? out : in, false, w_shape, &w));
    if (p->kind == CONV_FORWARD) return forward_operations(graph, p, x, w);
    TRY(make_tensor(graph, UID_Y, in, false, y_shape, &y));
    return add_convolution(graph, p, x, w, y);
}

enum status conv_graph_finish(const struct cudnn_target *target, struct conv_graph *graph)
{
    cudnnBackendDescriptor_t made;
    TRY(conv_graph_descriptor(graph, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, &made));
    TRY(cudnn_set(made, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                  graph->n_ops, graph->ops));
    if (target->handle)
        TRY(cudnn_set(made, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1,
                      &target->handle));
    TRY(cudnn_check(cudnnBackendFinalize(made), "operation graph"));
    graph->graph = made;
    return OK;
}

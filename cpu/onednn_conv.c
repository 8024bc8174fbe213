#include "cpu/onednn_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct conv_mds {
    owned_md x, y, w_any, w_plain, bias;
};

static void mds_free(struct conv_mds *mds)
{
    md_destroy(&mds->x);
    md_destroy(&mds->y);
    md_destroy(&mds->w_any);
    md_destroy(&mds->w_plain);
    md_destroy(&mds->bias);
}

static enum status mds_init(struct conv_mds *mds, const struct conv_problem *p)
{
    const dnnl_dims_t x = {p->n, p->c, p->h, p->w}, y = {p->n, p->o, p->oh, p->ow};
    const dnnl_dims_t w = {p->o, p->c, p->kh, p->kw}, bias = {p->o};
    TRY(md_create(&mds->x, 4, x, dnnl_nhwc));
    TRY(md_create(&mds->y, 4, y, dnnl_nhwc));
    // Pinned to the layout in memory, oneDNN takes its reference loops without a word.
    TRY(md_create(&mds->w_any, 4, w, dnnl_format_tag_any));
    TRY(md_create(&mds->w_plain, 4, w, dnnl_ohwi));
    return md_create(&mds->bias, 1, bias, dnnl_a);
}

static enum status make_attributes(const struct conv_problem *p, const struct conv_mds *mds,
                                   dnnl_primitive_attr_t *out)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t ops = NULL;
    enum status status = OK;
    GUARD(onednn_check(dnnl_primitive_attr_create(&attributes), "attributes"));
    GUARD(onednn_check(
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
        "attributes"));
    GUARD(onednn_check(dnnl_post_ops_create(&ops), "attributes"));
#if DNNL_VERSION_MAJOR >= 3
    if (p->accumulate)
        GUARD(onednn_check(dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_f32), "sum"));
    if (p->residual)
        GUARD(onednn_check(dnnl_post_ops_append_binary(ops, dnnl_binary_add, mds->y), "residual"));
    if (p->relu)
        GUARD(onednn_check(dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0.0f, 0.0f),
                           "relu"));
#else
    if (p->accumulate) GUARD(onednn_check(dnnl_post_ops_append_sum(ops, 1.0f), "sum"));
    if (p->residual)
        GUARD(onednn_check(dnnl_post_ops_append_binary(ops, dnnl_binary_add, &mds->y), "residual"));
    if (p->relu)
        GUARD(onednn_check(dnnl_post_ops_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f),
                           "relu"));
#endif
    GUARD(onednn_check(dnnl_primitive_attr_set_post_ops(attributes, ops), "attributes"));
    *out = attributes;
    attributes = NULL;
done:
    if (ops) dnnl_post_ops_destroy(ops);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    return status;
}

static const char *implementation_of(dnnl_primitive_desc_t pd)
{
    const char *info = NULL;
    if (dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &info) != dnnl_success || !info)
        return "unknown";
    return info;
}

static bool is_reference(dnnl_primitive_desc_t pd)
{
    return strncmp(implementation_of(pd), "ref", 3) == 0;
}

// *pd is NULL with OK when oneDNN offers nothing but reference loops. `hint`: the forward
// primitive descriptor that backward ones are derived from, else NULL.
#if DNNL_VERSION_MAJOR >= 3
static enum status make_pd(const struct onednn *onednn, const struct conv_problem *p,
                           const struct conv_mds *mds, dnnl_primitive_attr_t attributes,
                           dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out)
{
    const dnnl_dims_t strides = {p->stride, p->stride}, padding = {p->padding, p->padding};
    const dnnl_dims_t dilation = {0, 0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t result = dnnl_success;
    switch (p->kind) {
    case CONV_FORWARD:
        result = dnnl_convolution_forward_primitive_desc_create(
            &pd, onednn->engine, dnnl_forward_training, dnnl_convolution_direct, mds->x,
            mds->w_any, p->bias ? mds->bias : NULL, mds->y, strides, dilation, padding, padding,
            attributes);
        break;
    case CONV_BACKWARD_DATA:
        result = dnnl_convolution_backward_data_primitive_desc_create(
            &pd, onednn->engine, dnnl_convolution_direct, mds->x, mds->w_any, mds->y, strides,
            dilation, padding, padding, hint, attributes);
        break;
    default:
        result = dnnl_convolution_backward_weights_primitive_desc_create(
            &pd, onednn->engine, dnnl_convolution_direct, mds->x, mds->w_any, NULL, mds->y,
            strides, dilation, padding, padding, hint, attributes);
    }
    if (result == dnnl_success)
        while (is_reference(pd)) {
            if (dnnl_primitive_desc_next_impl(pd) == dnnl_success) continue;
            dnnl_primitive_desc_destroy(pd);
            pd = NULL;
            break;
        }
    else if (result != dnnl_unimplemented)
        return onednn_check(result, "convolution");
    *out = pd;
    return OK;
}
#else
static enum status describe(const struct conv_problem *p, const struct conv_mds *mds,
                            dnnl_convolution_desc_t *desc)
{
    const dnnl_dims_t strides = {p->stride, p->stride}, padding = {p->padding, p->padding};
    dnnl_status_t result;
    switch (p->kind) {
    case CONV_FORWARD:
        result = dnnl_convolution_forward_desc_init(
            desc, dnnl_forward_training, dnnl_convolution_direct, &mds->x, &mds->w_any,
            p->bias ? &mds->bias : NULL, &mds->y, strides, padding, padding);
        break;
    case CONV_BACKWARD_DATA:
        result = dnnl_convolution_backward_data_desc_init(desc, dnnl_convolution_direct, &mds->x,
                                                          &mds->w_any, &mds->y, strides, padding,
                                                          padding);
        break;
    default:
        result = dnnl_convolution_backward_weights_desc_init(desc, dnnl_convolution_direct,
                                                             &mds->x, &mds->w_any, NULL, &mds->y,
                                                             strides, padding, padding);
    }
    return onednn_check(result, "convolution");
}

static enum status make_pd(const struct onednn *onednn, const struct conv_problem *p,
                           const struct conv_mds *mds, dnnl_primitive_attr_t attributes,
                           dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t desc;
    TRY(describe(p, mds, &desc));
    dnnl_primitive_desc_iterator_t iterator = NULL;
    dnnl_status_t result = dnnl_primitive_desc_iterator_create(&iterator, &desc, attributes,
                                                               onednn->engine, hint);
    dnnl_primitive_desc_t pd = NULL;
    while (result == dnnl_success) {
        pd = dnnl_primitive_desc_iterator_fetch(iterator);
        if (pd && !is_reference(pd)) break;
        if (pd) dnnl_primitive_desc_destroy(pd);
        pd = NULL;
        result = dnnl_primitive_desc_iterator_next(iterator);
    }
    if (iterator) dnnl_primitive_desc_iterator_destroy(iterator);
    if (result != dnnl_success && result != dnnl_unimplemented && result != dnnl_iterator_ends)
        return onednn_check(result, "convolution");
    *out = pd;
    return OK;
}
#endif

static borrowed_md query_md(dnnl_primitive_desc_t pd, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(pd, what, 0);
}

// A small number for a layout of weights, so that plans can see that they share it.
static enum status layout_number(struct onednn *onednn, borrowed_md md, int *number)
{
    for (size_t i = 0; i < onednn->n_layouts; i++)
        if (dnnl_memory_desc_equal(md_borrow(&onednn->layouts[i]), md)) {
            *number = (int)i;
            return OK;
        }
    TRY(mem_reserve(&onednn->layouts, &onednn->layouts_capacity, onednn->n_layouts + 1,
                    sizeof *onednn->layouts));
    TRY(md_copy(&onednn->layouts[onednn->n_layouts], md));
    *number = (int)onednn->n_layouts++;
    return OK;
}

void conv_primitive_destroy(struct conv_primitive *primitive)
{
    if (!primitive) return;
    dnnl_memory_t memories[] = {primitive->x,       primitive->y,    primitive->w,
                                primitive->w_plain, primitive->bias, primitive->residual,
                                primitive->scratch};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    if (primitive->run) dnnl_primitive_destroy(primitive->run);
    if (primitive->pack) dnnl_primitive_destroy(primitive->pack);
    mem_free(primitive);
}

static enum status adopt(struct onednn *onednn, struct conv_plan *plan, dnnl_primitive_desc_t pd,
                         const struct conv_mds *mds)
{
    struct conv_primitive *primitive = plan->primitive;
    bool is_weights = plan->problem.kind == CONV_BACKWARD_WEIGHTS;
    dnnl_engine_t engine = onednn->engine;
    borrowed_md weights =
        query_md(pd, is_weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
    borrowed_md plain = md_borrow(&mds->w_plain);
    borrowed_md scratch = query_md(pd, dnnl_query_scratchpad_md);
    (void)snprintf(plan->implementation, sizeof plan->implementation, "%s", implementation_of(pd));
    plan->supported = true;
    plan->plain_weights = dnnl_memory_desc_equal(weights, plain) != 0;
    plan->weights_bytes = dnnl_memory_desc_get_size(weights);
    plan->scratch_bytes = dnnl_memory_desc_get_size(scratch);
    primitive->stream = onednn->stream;
    TRY(layout_number(onednn, weights, &plan->layout));
    TRY(onednn_check(dnnl_primitive_create(&primitive->run, pd), "convolution"));
    if (!plan->plain_weights && is_weights)
        TRY(reorder_create(&primitive->pack, weights, plain, engine));
    else if (!plan->plain_weights)
        TRY(reorder_create(&primitive->pack, plain, weights, engine));
    TRY(memory_create(&primitive->x, md_borrow(&mds->x), engine));
    TRY(memory_create(&primitive->y, md_borrow(&mds->y), engine));
    TRY(memory_create(&primitive->residual, md_borrow(&mds->y), engine));
    TRY(memory_create(&primitive->bias, md_borrow(&mds->bias), engine));
    TRY(memory_create(&primitive->w, weights, engine));
    TRY(memory_create(&primitive->w_plain, plain, engine));
    return memory_create(&primitive->scratch, scratch, engine);
}

enum status conv_plan_build(struct onednn *onednn, struct conv_plan *plan)
{
    struct conv_mds mds = {0};
    dnnl_primitive_attr_t attributes = NULL, hint_attributes = NULL;
    dnnl_primitive_desc_t hint = NULL, pd = NULL;
    enum status status = OK;
    plan->primitive = (struct conv_primitive *)mem_alloc(1, sizeof *plan->primitive);
    if (!plan->primitive) return ERR_MEMORY;
    GUARD(mds_init(&mds, &plan->problem));
    GUARD(make_attributes(&plan->problem, &mds, &attributes));
    if (plan->problem.kind != CONV_FORWARD) {
        struct conv_problem forward = plan->problem;
        forward.kind = CONV_FORWARD;
        GUARD(make_attributes(&forward, &mds, &hint_attributes));
        GUARD(make_pd(onednn, &forward, &mds, hint_attributes, NULL, &hint));
    }
    if (plan->problem.kind == CONV_FORWARD || hint)
        GUARD(make_pd(onednn, &plan->problem, &mds, attributes, hint, &pd));
    if (pd) GUARD(adopt(onednn, plan, pd, &mds));
done:
    if (status != OK) {
        conv_primitive_destroy(plan->primitive);
        plan->primitive = NULL;
    }
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (hint) dnnl_primitive_desc_destroy(hint);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (hint_attributes) dnnl_primitive_attr_destroy(hint_attributes);
    mds_free(&mds);
    return status;
}

static enum status point(dnnl_memory_t memory, const void *data)
{
    // oneDNN's handles are not const; what is only read is declared as an input below.
    return onednn_check(dnnl_memory_set_data_handle(memory, (void *)(uintptr_t)data), "memory");
}

static enum status reorder(const struct conv_plan *plan, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    return onednn_check(dnnl_primitive_execute(plan->primitive->pack, plan->primitive->stream, 2,
                                               args),
                        "reorder of weights");
}

enum status onednn_pack_weights(const struct conv_plan *plan, const float *ohwi, void *packed)
{
    TRY(point(plan->primitive->w_plain, ohwi));
    TRY(point(plan->primitive->w, packed));
    return reorder(plan, plan->primitive->w_plain, plan->primitive->w);
}

enum status onednn_unpack_weights(const struct conv_plan *plan, const void *packed, float *ohwi)
{
    TRY(point(plan->primitive->w_plain, ohwi));
    TRY(point(plan->primitive->w, packed));
    return reorder(plan, plan->primitive->w, plan->primitive->w_plain);
}

enum status onednn_conv_run(const struct conv_plan *plan, const struct conv_memory *memory)
{
    const struct conv_primitive *primitive = plan->primitive;
    const struct conv_problem *problem = &plan->problem;
    dnnl_exec_arg_t args[8];
    int n = 0;
    TRY(point(primitive->scratch, memory->scratch));
    args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, primitive->scratch};
    if (problem->kind == CONV_FORWARD) {
        TRY(point(primitive->x, memory->x));
        TRY(point(primitive->w, memory->w));
        TRY(point(primitive->y, memory->result));
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, primitive->x};
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, primitive->w};
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DST, primitive->y};
        if (problem->bias) {
            TRY(point(primitive->bias, memory->bias));
            args[n++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, primitive->bias};
        }
        if (problem->residual) {
            int position = problem->accumulate ? 1 : 0; // among the post-operations
            TRY(point(primitive->residual, memory->residual));
            args[n++] = (dnnl_exec_arg_t){DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1,
                                          primitive->residual};
        }
    } else if (problem->kind == CONV_BACKWARD_DATA) {
        TRY(point(primitive->y, memory->y));
        TRY(point(primitive->w, memory->w));
        TRY(point(primitive->x, memory->result));
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_DST, primitive->y};
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, primitive->w};
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_SRC, primitive->x};
    } else {
        TRY(point(primitive->y, memory->y));
        TRY(point(primitive->x, memory->x));
        TRY(point(primitive->w, memory->result));
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_DST, primitive->y};
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, primitive->x};
        args[n++] = (dnnl_exec_arg_t){DNNL_ARG_DIFF_WEIGHTS, primitive->w};
    }
    return onednn_check(dnnl_primitive_execute(primitive->run, primitive->stream, n, args),
                        "convolution");
}

#include "train/checkpoint.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "helper.h"
#include "nn/safetensors.h"

static char folder[PATH_BYTES], path[PATH_BYTES];
static struct config config;
static struct classes classes;
static struct backend *backend;
static struct params *params;
static struct progress progress = {12, 10, 10, 0.12345678901234567, 777};

static void declare(const char *name, int rank, const int64_t *shape, enum param_kind kind,
                    bool is_buffer)
{
    struct param_spec spec = {.name = name, .rank = rank, .kind = kind, .is_buffer = is_buffer,
                              .init = INIT_NORMAL, .init_a = 1};
    struct tensor *tensor;
    for (int i = 0; i < rank; i++) spec.shape[i] = shape[i];
    assert_ok(params_declare(params, &spec, &tensor));
}

static void make_params(uint64_t seed)
{
    static const int64_t conv[] = {3, 2, 2, 5}, vector[] = {3};
    assert_ok(params_create(backend, &params));
    declare("conv.weight", 4, conv, PARAM_CONV, false);
    declare("bn.weight", 1, vector, PARAM_PLAIN, false);
    declare("bn.running_mean", 1, vector, PARAM_PLAIN, true);
    declare("bn.running_var", 1, vector, PARAM_PLAIN, true);
    assert_ok(params_layout(params, seed));
    for (size_t i = 0; i < params->group_begin[N_PARAM_GROUPS]; i++)
        params->velocity[i] = (float)seed + 0.1f * (float)i;
}

static void setup(void)
{
    static const char text[] = "[{\"label\": 1, \"id\": 4, \"name\": \"a \\\"b\\\"\"},"
                               " {\"label\": 2, \"id\": 9, \"name\": \"c\"}]";
    helper_folder(folder);
    assert_ok(path_join(path, folder, "x.safetensors"));
    config_defaults(&config);
    helper_set(&config, "backbone.norm=bn");
    helper_set(&config, "backbone.norm_eps=1e-5");
    helper_set(&config, "backbone.stride_in_1x1=true");
    helper_set(&config, "train.accumulate=2");
    helper_set(&config, "backbone.pool.stem.type=soft");
    cJSON *json = cJSON_Parse(text);
    assert_ok(classes_from_json("test", json, false, &classes));
    cJSON_Delete(json);
    assert_ok(backend_create_cpu(1, &backend));
    make_params(5);
}

static void teardown(void)
{
    params_destroy(params);
    backend_destroy(backend);
    classes_free(&classes);
    helper_remove(folder);
}

TestSuite(checkpoint, .init = setup, .fini = teardown);

static struct checkpoint whole(void)
{
    return (struct checkpoint){&config, &classes, params, &progress};
}

static void save_state(void)
{
    struct checkpoint c = whole();
    assert_ok(checkpoint_save_state(path, &c));
}

static float *copy_floats(const float *from, size_t n)
{
    float *copy = mem_alloc(n, sizeof *copy);
    cr_assert(copy);
    memcpy(copy, from, n * sizeof *copy);
    return copy;
}

Test(checkpoint, state_comes_back_bit_for_bit)
{
    size_t n = params->n_values, m = params->group_begin[N_PARAM_GROUPS];
    float *values = copy_floats(params->values, n), *velocity = copy_floats(params->velocity, m);
    save_state();
    params_destroy(params);
    make_params(6);
    cr_assert(memcmp(values, params->values, n * sizeof *values) != 0);
    struct progress read;
    assert_ok(checkpoint_load_state(path, params, &read));
    cr_assert(memcmp(values, params->values, n * sizeof *values) == 0);
    cr_assert(memcmp(velocity, params->velocity, m * sizeof *velocity) == 0);
    cr_assert_eq(read.iteration, 12);
    cr_assert_eq(read.evaluated, 10);
    cr_assert_eq(read.best_iteration, 10);
    cr_assert_eq(read.best_ap, progress.best_ap);
    cr_assert_eq(read.log_bytes, 777);
    mem_free(values);
    mem_free(velocity);
}

Test(checkpoint, equal_contents_give_equal_bytes)
{
    char second[PATH_BYTES];
    assert_ok(path_join(second, folder, "y.safetensors"));
    struct checkpoint c = whole();
    assert_ok(checkpoint_save_state(path, &c));
    assert_ok(checkpoint_save_state(second, &c));
    cr_assert(helper_same_files(path, second));
}

Test(checkpoint, a_model_has_what_torchvision_expects)
{
    struct checkpoint c = whole();
    struct st_file file;
    assert_ok(checkpoint_save_model(path, &c));
    assert_ok(st_open(path, &file));
    cr_assert_eq(file.n_tensors, 5);
    const struct st_tensor *conv = st_find(&file, "conv.weight");
    const int64_t shape[] = {3, 5, 2, 2};
    cr_assert(conv && conv->dtype == ST_F32 && conv->rank == 4);
    for (int i = 0; i < 4; i++) cr_assert_eq(conv->shape[i], shape[i]);
    // File (o, i, y, x) is memory (o, y, x, i).
    float values[60];
    assert_ok(st_to_float(&file, conv, values));
    const float *memory = params_find(params, "conv.weight")->tensor.data;
    cr_assert_eq(values[((1 * 5 + 4) * 2 + 1) * 2 + 0], memory[((1 * 2 + 1) * 2 + 0) * 5 + 4]);
    const struct st_tensor *counter = st_find(&file, "bn.num_batches_tracked");
    int64_t batches = 0;
    cr_assert(counter && counter->dtype == ST_I64 && counter->rank == 0);
    memcpy(&batches, counter->bytes, sizeof batches);
    cr_assert_eq(batches, 24);
    cr_assert_str_eq(st_meta(&file, "stride_in_1x1"), "true");
    cr_assert_str_eq(st_meta(&file, "arch"), "resnet50");
    st_close(&file);

    helper_set(&config, "backbone.norm=frozen_bn");
    assert_ok(checkpoint_save_model(path, &c));
    assert_ok(st_open(path, &file));
    cr_assert_eq(file.n_tensors, 4);
    st_close(&file);
}

Test(checkpoint, config_and_classes_come_back)
{
    struct checkpoint c = whole();
    static struct config read;
    struct classes names;
    int n = -1;
    assert_ok(checkpoint_save_model(path, &c));
    assert_ok(checkpoint_read_config(path, &read, &names));
    assert_ok(config_compare(&config, &read, NULL, &n));
    cr_assert_eq(n, 0);
    cr_assert_eq(names.n, 2);
    cr_assert_str_eq(names.entries[0].name, "a \"b\"");
    cr_assert_eq(names.entries[1].category_id, 9);
    cr_assert_eq(classes_channels(&names), 3);
    classes_free(&names);
}

Test(checkpoint, another_model_is_refused)
{
    static const int64_t other[] = {3, 2, 2, 4}, extra[] = {1};
    struct progress read;
    save_state();
    params_destroy(params);
    assert_ok(params_create(backend, &params));
    declare("conv.weight", 4, other, PARAM_CONV, false);
    assert_ok(params_layout(params, 1));
    assert_fails(checkpoint_load_state(path, params, &read), ERR_DATA, "conv.weight");
    params_destroy(params);
    assert_ok(params_create(backend, &params));
    declare("more.weight", 1, extra, PARAM_PLAIN, false);
    assert_ok(params_layout(params, 1));
    assert_fails(checkpoint_load_state(path, params, &read), ERR_DATA, "more.weight");
}

Test(checkpoint, a_plain_model_is_no_state_and_a_foreign_file_no_model)
{
    struct checkpoint c = whole();
    struct progress read;
    static struct config got;
    struct classes names;
    assert_ok(checkpoint_save_model(path, &c));
    assert_fails(checkpoint_load_state(path, params, &read), ERR_DATA, "tarn.evaluated");
    helper_write(folder, "x.safetensors", "\x02\0\0\0\0\0\0\0{}");
    assert_fails(checkpoint_read_config(path, &got, &names), ERR_PARSE, "x.safetensors");
}

// Every byte of the header and a sample of the rest: never a crash, never a success that changed
// the shapes; a damaged value is seen by nobody.
Test(checkpoint, damaged_at_any_byte)
{
    size_t n_bytes = 0;
    struct progress read;
    static struct config got;
    save_state();
    char *bytes = helper_read(path, &n_bytes);
    uint64_t n_header = 0;
    memcpy(&n_header, bytes, sizeof n_header);
    for (size_t i = 0; i < n_bytes; i += i < 8 || n_bytes - i < 64 ? 1 : 3) {
        char old = bytes[i];
        bytes[i] = (char)(old ^ (1 << (i % 8)));
        assert_ok(file_write(path, bytes, n_bytes));
        bytes[i] = old;
        enum status status = checkpoint_load_state(path, params, &read);
        struct classes names = {.n = 0};
        if (i < 8 && bytes[i] == 0) cr_assert_neq(status, OK, "length byte %zu", i);
        if (checkpoint_read_config(path, &got, &names) == OK) classes_free(&names);
        if (i >= 8 + n_header) cr_assert_eq(status, OK, "byte %zu: %s", i, fail_message());
    }
    mem_free(bytes);
}

Test(checkpoint, truncated_anywhere)
{
    size_t n_bytes = 0;
    struct progress read;
    save_state();
    char *bytes = helper_read(path, &n_bytes);
    for (size_t n = 0; n < n_bytes; n += n < 16 || n_bytes - n < 16 ? 1 : 17) {
        assert_ok(file_write(path, bytes, n));
        cr_assert_neq(checkpoint_load_state(path, params, &read), OK, "%zu bytes", n);
    }
    mem_free(bytes);
}

Test(checkpoint, metadata_are_not_trusted)
{
    static const char *const wrong[][2] = {
        {"\"tarn.iteration\":\"12\"", "\"tarn.iteration\":\"-2\""},
        {"\"tarn.best_ap\":\"0.1", "\"tarn.best_ap\":\"inf"},
        {"\"tarn.log_bytes\":\"777\"", "\"tarn.log_bytes\":\"7x7\""},
        {"\"tarn.evaluated\":", "\"tarn.EVALUATED\":"},
    };
    size_t n_bytes = 0;
    struct progress read;
    save_state();
    char *bytes = helper_read(path, &n_bytes);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t n = strlen(wrong[i][0]);
        size_t at = 8;
        while (at + n < n_bytes && memcmp(bytes + at, wrong[i][0], n) != 0) at++;
        cr_assert_lt(at + n, n_bytes, "%s", wrong[i][0]);
        memcpy(bytes + at, wrong[i][1], n);
        assert_ok(file_write(path, bytes, n_bytes));
        memcpy(bytes + at, wrong[i][0], n);
        cr_assert_eq(checkpoint_load_state(path, params, &read), ERR_DATA, "%s", wrong[i][1]);
    }
    mem_free(bytes);
}

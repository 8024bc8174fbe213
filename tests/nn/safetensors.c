#define _GNU_SOURCE // mkdtemp
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "nn/safetensors.h"

static char folder[] = "/tmp/tarn-test-XXXXXX";
static char path[PATH_BYTES];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(safetensors, .init = setup, .fini = teardown);

static enum status produce(void *context, size_t i, void *buffer, size_t n_bytes)
{
    (void)context;
    float *values = (float *)buffer;
    for (size_t j = 0; j < n_bytes / sizeof *values; j++) values[j] = (float)(100 * i + j);
    return OK;
}

static void write_sample(void)
{
    struct st_entry entries[] = {{"b.weight", ST_F32, 4, {2, 1, 1, 3}}, {"a", ST_F32, 1, {2}}};
    struct st_meta meta[] = {{"format", "pt"}, {"quote", "\"\\\n"}};
    cr_assert_eq(st_write(path, 2, entries, 2, meta, produce, NULL), OK, "%s", fail_message());
}

Test(safetensors, what_is_written_is_read)
{
    struct st_file file;
    float values[6];
    write_sample();
    cr_assert_eq(st_open(path, &file), OK, "%s", fail_message());
    cr_assert_eq(file.n_tensors, 2);
    const struct st_tensor *b = st_find(&file, "b.weight");
    cr_assert_not_null(b);
    cr_assert_eq(b->rank, 4);
    cr_assert_eq(b->shape[3], 3);
    cr_assert_eq(st_to_float(&file, b, values), OK);
    cr_assert_eq(values[5], 5);
    cr_assert_eq(st_to_float(&file, st_find(&file, "a"), values), OK);
    cr_assert_eq(values[1], 101);
    cr_assert_str_eq(st_meta(&file, "quote"), "\"\\\n");
    cr_assert_null(st_meta(&file, "absent"));
    cr_assert_null(st_find(&file, "c"));
    st_close(&file);
}

Test(safetensors, a_file_truncated_anywhere_is_an_error)
{
    char *bytes;
    size_t n;
    write_sample();
    cr_assert_eq(file_read(path, 0, &bytes, &n), OK);
    for (size_t length = 0; length < n; length++) {
        struct st_file file;
        cr_assert_eq(file_write(path, bytes, length), OK);
        cr_assert_eq(st_open(path, &file), ERR_PARSE, "%zu of %zu bytes", length, n);
    }
    mem_free(bytes);
}

// Writes a file with this header and n_data zero bytes, opens it and expects a parse error whose
// message holds `text`.
static void expect_refusal(const char *header, size_t n_data, const char *text)
{
    unsigned char bytes[2048] = {0};
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((uint64_t)n >> (8 * i));
    memcpy(bytes + 8, header, n);
    cr_assert_eq(file_write(path, bytes, 8 + n + n_data), OK);
    struct st_file file;
    cr_assert_eq(st_open(path, &file), ERR_PARSE, "%s", header);
    cr_assert_not_null(strstr(fail_message(), text), "%s: %s", header, fail_message());
    cr_assert_not_null(strstr(fail_message(), path), "%s", fail_message());
}

Test(safetensors, hostile_headers_are_refused)
{
    expect_refusal("[]", 0, "header");
    expect_refusal("{\"a\":3}", 0, "not an object");
    expect_refusal("{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no dtype");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "no data_offsets");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "outside");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 8, "outside");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 8, "outside");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,1e300]}}", 8,
                   "outside");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 8, "does not fit");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 8, "absurd");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296],"
                   "\"data_offsets\":[0,4]}}",
                   8, "absurd");
    expect_refusal("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
                   8, "8 axes");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                   "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
                   12, "overlap");
    expect_refusal("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                   "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
                   8, "twice");
    expect_refusal("{\"__metadata__\":{\"x\":1}}", 0, "no string");
}

Test(safetensors, halves_are_widened)
{
    const char *header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[0,6]},"
                         "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[6,8]}}";
    unsigned char bytes[256] = {0};
    size_t n = strlen(header);
    bytes[0] = (unsigned char)n;
    memcpy(bytes + 8, header, n);
    memcpy(bytes + 8 + n, "\x00\x3c\x01\x00\x00\xc0\xc0\x3f", 8); // 1, 2^-24, -2; 1.5
    cr_assert_eq(file_write(path, bytes, 8 + n + 8), OK);
    struct st_file file;
    float values[3];
    cr_assert_eq(st_open(path, &file), OK, "%s", fail_message());
    cr_assert_eq(st_to_float(&file, st_find(&file, "h"), values), OK);
    cr_assert_eq(values[0], 1);
    cr_assert_eq(values[1], 5.9604644775390625e-8f);
    cr_assert_eq(values[2], -2);
    cr_assert_eq(st_to_float(&file, st_find(&file, "b"), values), OK);
    cr_assert_eq(values[0], 1.5f);
    st_close(&file);
}

Test(safetensors, failing_allocations_leave_no_half_state)
{
    write_sample();
    for (size_t n = 1; n < 16; n++) {
        struct st_file file;
        mem_fail_at(n, false);
        enum status status = st_open(path, &file);
        mem_fail_at(0, false);
        cr_assert(status == OK || status == ERR_MEMORY);
        if (status == OK) st_close(&file);
    }
}

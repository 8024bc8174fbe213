// safetensors files: 8 bytes little-endian header length, a JSON header, raw tensor bytes.
// The reader checks every offset, length and shape against the file before it touches them.
#ifndef TARN_NN_SAFETENSORS_H
#define TARN_NN_SAFETENSORS_H

#include "base/file.h"

#ifdef __cplusplus
extern "C" {
#endif

enum st_dtype { ST_F64, ST_F32, ST_F16, ST_BF16, ST_I64, ST_I32, ST_U8, ST_OTHER };

enum { ST_MAX_RANK = 8 };

struct st_tensor {
    char *name;
    enum st_dtype dtype;
    int rank;
    int64_t shape[ST_MAX_RANK];
    size_t n_elements;
    const unsigned char *bytes; // into the mapping, unaligned
    size_t n_bytes;
};

struct st_file {
    char path[PATH_BYTES];
    struct file_map map;
    struct st_tensor *tensors; // sorted by name
    size_t n_tensors;
    char **meta_keys, **meta_values; // __metadata__
    size_t n_meta;
};

// ERR_PARSE / ERR_DATA name the file and the entry.
enum status st_open(const char *path, struct st_file *file) MUST_USE;
void st_close(struct st_file *file);
const struct st_tensor *st_find(const struct st_file *file, const char *name); // NULL: none
const char *st_meta(const struct st_file *file, const char *key);             // NULL: none

// Converts to float (from f64, f32, f16, bf16 and integers). out: n_elements.
enum status st_to_float(const struct st_file *file, const struct st_tensor *tensor,
                        float *out) MUST_USE;

// Writing, atomically: describe all tensors, then stream their bytes in the same order.
struct st_entry {
    const char *name;
    enum st_dtype dtype;
    int rank;
    int64_t shape[ST_MAX_RANK];
};
struct st_meta {
    const char *key, *value;
};
// produce() must deliver the bytes of entry i into `buffer` (its full size). Files are
// byte-identical for identical contents.
typedef enum status (*st_produce)(void *context, size_t i, void *buffer, size_t n_bytes);
enum status st_write(const char *path, size_t n_entries, const struct st_entry *entries,
                     size_t n_meta, const struct st_meta *meta, st_produce produce,
                     void *context) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

// Files of weights: what opens lies within the file, reads as numbers and is found by its name.
#define _GNU_SOURCE // memfd_create
#include "nn/safetensors.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

static void check_tensor(const struct st_file *file, const struct st_tensor *tensor)
{
    const unsigned char *end = file->map.bytes + file->map.n_bytes;
    require(tensor->bytes >= file->map.bytes && tensor->bytes <= end);
    require(tensor->n_bytes <= (size_t)(end - tensor->bytes));
    require(tensor->rank >= 0 && tensor->rank <= ST_MAX_RANK);
    require(st_find(file, tensor->name) == tensor);
    if (tensor->dtype == ST_OTHER) return;
    require(tensor->n_elements <= tensor->n_bytes);
    // A block of just the size, so that sanitizers see what is written behind it.
    float *values = (float *)malloc(tensor->n_elements ? tensor->n_elements * sizeof *values : 1);
    require(values != NULL && st_to_float(file, tensor, values) == OK);
    free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct st_file file;
    int fd = memory_file(path, data, size);
    if (st_open(path, &file) == OK) {
        for (size_t i = 0; i < file.n_tensors; i++) check_tensor(&file, &file.tensors[i]);
        for (size_t i = 0; i < file.n_meta; i++) require(st_meta(&file, file.meta_keys[i]) != NULL);
        st_close(&file);
    } else {
        require(fail_message()[0] != 0);
    }
    close(fd);
    return 0;
}

// Runs a harness over files and the files of folders, without a fuzzer: corpora are regression
// tests on every machine.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

// A block of just the file's size, so that sanitizers see reads behind it.
static bool replay_file(const char *path)
{
    char *text;
    size_t n;
    if (file_read(path, 0, &text, &n) != OK) {
        fprintf(stderr, "%s\n", fail_message());
        return false;
    }
    uint8_t *bytes = (uint8_t *)malloc(n ? n : 1);
    if (!bytes) return false;
    memcpy(bytes, text, n);
    mem_free(text);
    (void)LLVMFuzzerTestOneInput(bytes, n);
    free(bytes);
    return true;
}

int main(int argc, char **argv)
{
    size_t n = 0;
    for (int i = 1; i < argc; i++) {
        struct path_list list = {NULL, 0};
        if (!file_is_folder(argv[i])) {
            if (!replay_file(argv[i])) return 1;
            n++;
            continue;
        }
        if (folder_list(argv[i], &list) != OK) {
            fprintf(stderr, "%s\n", fail_message());
            return 1;
        }
        for (size_t k = 0; k < list.n; k++, n++)
            if (!replay_file(list.paths[k])) return 1;
        path_list_free(&list);
    }
    printf("%zu inputs\n", n);
    return n ? 0 : 1;
}

// An input as a file that readers can open by its path, without a disk. _GNU_SOURCE must be defined
// before the first #include.
#ifndef TARN_TESTS_MEMORY_FILE_H
#define TARN_TESTS_MEMORY_FILE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

// Returns what to close.
static inline int memory_file(char path[64], const void *bytes, size_t n)
{
    int fd = memfd_create("input", 0);
    require(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

#endif

#include "cpu/copy.h"

#include <assert.h>

#include "cpu/copy_hot.h"

// Longer than a page, shorter than a second-level cache.
enum { BLOCK_BYTES = 256 << 10 };

const char *const copy_kind_names[N_COPY_KINDS] = {"plain stores", "non-temporal stores"};

void copy_blocks(void *to, const void *from, size_t bytes, enum copy_kind kind)
{
    assert(bytes % 64 == 0);
#pragma omp parallel for schedule(static)
    for (size_t begin = 0; begin < bytes; begin += BLOCK_BYTES) {
        size_t n = bytes - begin < BLOCK_BYTES ? bytes - begin : BLOCK_BYTES;
        if (kind == COPY_PLAIN)
            ISA_PICK(copy_plain)((char *)to + begin, (const char *)from + begin, n);
        else
            ISA_PICK(copy_streamed)((char *)to + begin, (const char *)from + begin, n);
    }
}

#include "cpu/copy_hot.h"

#include "cpu/stream.h"

// Not memcpy: that chooses its stores by the length.
void ISA_NAME(copy_plain)(char *to, const char *from, size_t bytes)
{
    float *restrict y = (float *)(void *)to;
    const float *restrict x = (const float *)(const void *)from;
    for (size_t i = 0; i < bytes / sizeof *y; i += 16) {
        float line[16];
        for (int k = 0; k < 16; k++) line[k] = x[i + (size_t)k];
        for (int k = 0; k < 16; k++) y[i + (size_t)k] = line[k];
    }
}

void ISA_NAME(copy_streamed)(char *to, const char *from, size_t bytes)
{
    stream_copy(to, from, bytes);
    stream_end();
}

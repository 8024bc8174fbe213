// The loops of cpu/copy.c, compiled for several instruction sets.
#ifndef TARN_CPU_COPY_HOT_H
#define TARN_CPU_COPY_HOT_H

#include <stddef.h>

#include "cpu/isa.h"

#ifdef __cplusplus
extern "C" {
#endif

// bytes: a multiple of 64.
ISA_DECLARE(void, copy_plain, (char *to, const char *from, size_t bytes));
ISA_DECLARE(void, copy_streamed, (char *to, const char *from, size_t bytes));

#ifdef __cplusplus
}
#endif
#endif

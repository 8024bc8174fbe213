// Hot loops for several instruction sets. Files named *_hot.c are compiled once for each of
// x86-64-v2 (SSE4.2), v3 (AVX2, FMA) and v4 (AVX-512), see cpu/isa.cmake; on other machines once.
// The level is chosen at run time, so that the shipped program runs anywhere.
//
//     ISA_DECLARE(float, sum, (const float *x, size_t n));       in a header
//     float ISA_NAME(sum)(const float *x, size_t n) { ... }      in sum_hot.c
//     total = ISA_PICK(sum)(x, n);                               anywhere
#ifndef TARN_CPU_ISA_H
#define TARN_CPU_ISA_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum isa { ISA_V2, ISA_V3, ISA_V4, N_ISA };

// The level in use: the machine's best, or the environment's TARN_ISA=v2|v3|v4.
enum isa isa_level(void);
const char *isa_name(enum isa level); // "x86-64-v3"; "generic" on other machines

// ERR_USAGE when TARN_ISA is no level's name; ERR_DEVICE when this machine lacks the level that
// it names, or even v2.
enum status isa_check(void) MUST_USE;

// For tests: another level from now on. ERR_UNSUPPORTED when this machine lacks it.
enum status isa_use(enum isa level) MUST_USE;

#define ISA_PASTE(name, suffix)  name##_##suffix
#define ISA_EXPAND(name, suffix) ISA_PASTE(name, suffix)
#define ISA_NAME(name)           ISA_EXPAND(name, TARN_ISA_SUFFIX) // in *_hot.c only

#if defined(__x86_64__)
#define ISA_DECLARE(type, name, arguments)                                                         \
    type name##_v2 arguments;                                                                      \
    type name##_v3 arguments;                                                                      \
    type name##_v4 arguments
#define ISA_PICK(name)                                                                             \
    (isa_level() == ISA_V4 ? name##_v4 : isa_level() == ISA_V3 ? name##_v3 : name##_v2)
#else
#define ISA_DECLARE(type, name, arguments) type name##_generic arguments
#define ISA_PICK(name)                     name##_generic
#endif

#ifdef __cplusplus
}
#endif
#endif

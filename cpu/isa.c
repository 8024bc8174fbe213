#include "cpu/isa.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

static const char *const names[N_ISA] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};

// The features that tell the levels apart; what else they need came with these in every processor.
static int machine_level(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt")) return -1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return ISA_V2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return ISA_V3;
    return ISA_V4;
}

static const char *wanted_level(void)
{
    const char *wanted = getenv("TARN_ISA");
    return wanted && *wanted ? wanted : NULL;
}

static enum isa choose(void)
{
    int best = machine_level();
    const char *wanted = wanted_level();
    for (int level = 0; wanted && level < N_ISA && level <= best; level++)
        if (strcmp(wanted, names[level] + strlen("x86-64-")) == 0) return (enum isa)level;
    return best < 0 ? ISA_V2 : (enum isa)best;
}

static int chosen = -1;

enum isa isa_level(void)
{
    // Threads that race here all store the same value.
    int level = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
    if (level < 0) {
        level = (int)choose();
        __atomic_store_n(&chosen, level, __ATOMIC_RELAXED);
    }
    return (enum isa)level;
}

enum status isa_use(enum isa level)
{
    if ((int)level > machine_level())
        return fail(ERR_UNSUPPORTED, "this processor lacks %s", names[level]);
    __atomic_store_n(&chosen, (int)level, __ATOMIC_RELAXED);
    return OK;
}

const char *isa_name(enum isa level)
{
    return names[level];
}

enum status isa_check(void)
{
    int best = machine_level();
    if (best < 0) return fail(ERR_DEVICE, "this processor lacks SSE4.2 (x86-64-v2)");
    const char *wanted = wanted_level();
    if (!wanted) return OK;
    for (int level = 0; level < N_ISA; level++) {
        if (strcmp(wanted, names[level] + strlen("x86-64-")) != 0) continue;
        if (level <= best) return OK;
        return fail(ERR_DEVICE, "TARN_ISA=%s: this processor reaches only %s", wanted, names[best]);
    }
    return fail(ERR_USAGE, "TARN_ISA=%s: expected v2, v3 or v4", wanted);
}

#else

enum isa isa_level(void)
{
    return ISA_V2;
}

enum status isa_use(enum isa level)
{
    return level == ISA_V2 ? OK : fail(ERR_UNSUPPORTED, "this processor has no x86-64 levels");
}

const char *isa_name(enum isa level)
{
    (void)level;
    return "generic";
}

enum status isa_check(void)
{
    return OK;
}

#endif

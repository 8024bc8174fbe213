#include <string.h>

#include "nn/pool.h"

#define POOL(name)     extern const struct pool_def pool_##name;
#define COMPOSED(name) extern const struct pool_def pool_##name;
#include "backbone/pool/pools.def"

const struct pool_def *const pool_defs[] = {
#define POOL(name)     &pool_##name,
#define COMPOSED(name) &pool_##name,
#include "backbone/pool/pools.def"
    NULL,
};

const struct pool_def *pool_find(const char *name)
{
    for (const struct pool_def *const *def = pool_defs; *def; def++)
        if (strcmp((*def)->name, name) == 0) return *def;
    return NULL;
}

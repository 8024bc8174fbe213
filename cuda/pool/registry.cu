#include "cuda/pool/registry.h"

#include <string.h>

static const struct cuda_pool *const registry_pools[] = {
#define POOL(name) &cuda_pool_##name,
#include "backbone/pool/pools.def"
    &cuda_pool_soft_nd,
};

enum status cuda_pool_find(const struct pool_def *def, const struct cuda_pool **pool)
{
    for (size_t i = 0; i < sizeof registry_pools / sizeof *registry_pools; i++)
        if (strcmp(registry_pools[i]->name, def->name) == 0) {
            *pool = registry_pools[i];
            return OK;
        }
    return fail(ERR_UNSUPPORTED, "the pool %s has no CUDA kernels: use --device cpu", def->name);
}

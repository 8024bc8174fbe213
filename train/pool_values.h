// The trained values of pooling layers as a JSON member for log.jsonl, so that one can watch them
// move.
#ifndef TARN_TRAIN_POOL_VALUES_H
#define TARN_TRAIN_POOL_VALUES_H

#include "nn/params.h"

#ifdef __cplusplus
extern "C" {
#endif

// {"backbone.body.pool.beta":[1.02],"backbone.body.pool.p":{"mean":3.1,"min":2.8,"max":3.5}} of
// the trainable parameters of group PARAM_POOL, up to four values one by one, of more their mean,
// least and largest. *text: mem_free; NULL when there are none.
enum status pool_values_json(const struct params *params, char **text) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

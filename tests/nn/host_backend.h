// A backend for tests of nn/: host memory, and kernels only for `relu` (which here doubles its
// input, so that gradients are easy to predict) and `upsample_add` (y = top + lateral).
#ifndef TARN_TESTS_NN_HOST_BACKEND_H
#define TARN_TESTS_NN_HOST_BACKEND_H

#include "nn/backend.h"

struct backend *host_backend(void);
extern int host_backend_params_changed;

#endif

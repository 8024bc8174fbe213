// Parameter names of torchvision before 0.13, which its published COCO files still hold.
#ifndef TARN_DETECT_OLD_NAMES_H
#define TARN_DETECT_OLD_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// "head.classification_head.conv.2.bias" -> "head.classification_head.conv.1.0.bias", etc.
// False, with nothing written, for names that are not old or do not fit. Old and new names are
// told apart by their number of segments: conv.0.weight is old, conv.0.0.weight is new.
bool old_name_to_new(const char *old, char *name, size_t n_bytes);

#ifdef __cplusplus
}
#endif
#endif

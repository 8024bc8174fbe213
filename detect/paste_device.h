// Masks of a batch's detections, pasted where they were computed.
#ifndef TARN_DETECT_PASTE_DEVICE_H
#define TARN_DETECT_PASTE_DEVICE_H

#include "detect/detector.h"
#include "nn/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

// masks: of all detections of `found`, image by image without gaps. Gives `found` its bits, or
// leaves it as it is where these would take more than 256 MiB: then the host pastes.
enum status paste_on_device(const struct paste_options *options, struct tape *tape,
                            const struct batch *batch, struct tensor *masks,
                            struct detections *found) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

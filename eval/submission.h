// Results in the form that COCO's evaluation server takes: how files are called, how an image's
// results are written, and the zip around them.
//
// DIR/detections_TESTSET_ALGORITHM_results.zip holds one entry, detections_..._results.json: an
// array of {image_id, category_id, bbox or segmentation, score}. The server keeps 100 results an
// image over all categories.
#ifndef TARN_EVAL_SUBMISSION_H
#define TARN_EVAL_SUBMISSION_H

#include <stdio.h>

#include "eval/coco_eval.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SUBMISSION_PER_IMAGE = 100,
    SUBMISSION_WORD_BYTES = 101, // a test set's or an algorithm's name, terminated
    SUBMISSION_STEM_BYTES = 256,
};

// The test sets that the server knows; ends with NULL.
extern const char *const submission_testsets[];
bool submission_knows_testset(const char *testset);

// From an annotation file's name: ".../image_info_test-dev2017.json" is of "test-dev2017". False
// when that is none that the server knows.
bool submission_find_testset(const char *path, char testset[SUBMISSION_WORD_BYTES]);

// "detections_TESTSET_ALGORITHM_results". ERR_USAGE unless both are of letters, digits and . + -,
// the algorithm's of _ too, 1 to 100 of them.
enum status submission_stem(const char *testset, const char *algorithm,
                            char stem[SUBMISSION_STEM_BYTES]) MUST_USE;

// Whether a stem is of this form, and of this test set (NULL: of any that the server knows).
bool submission_stem_is_valid(const char *stem, const char *testset);

// A growing text.
struct submission_text {
    char *bytes; // terminated
    size_t n, capacity;
};
void submission_text_free(struct submission_text *text);

// Appends the best results of one image, 100 at the most (by score, equal ones in their order), as
// JSON objects with "," between them, on one line: coordinates rounded to 0.1, scores to 5
// decimals, masks as compressed run lengths. *n: how many. EVAL_MASKS: ERR_UNSUPPORTED for one
// without a mask, ERR_DATA for one that cannot be decoded. ERR_NUMERIC for what is not finite.
enum status submission_append(struct submission_text *text, enum eval_type type,
                              const struct eval_detection *detections, size_t n_detections,
                              size_t *n) MUST_USE;

// Packs what stands in `json` (from its beginning; closed in any case) as the only entry,
// STEM.json, of FOLDER/STEM.zip. The archive appears whole or not at all, and depends on the bytes
// alone.
enum status submission_pack(const char *folder, const char *stem, FILE *json) MUST_USE;

// A file without a name in `folder`, for submission_pack: gone when it is closed, whatever happens.
enum status submission_open_json(const char *folder, FILE **json) MUST_USE;

#ifdef __cplusplus
}
#endif
#endif

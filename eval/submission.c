#include "eval/submission.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "coco/mask.h"
#include "eval/order.h"

const char *const submission_testsets[] = {"val2017", "test-dev2017", "test-challenge2017", NULL};

static const char prefix[] = "detections_", suffix[] = "_results";

bool submission_knows_testset(const char *testset)
{
    for (size_t i = 0; submission_testsets[i]; i++)
        if (strcmp(testset, submission_testsets[i]) == 0) return true;
    return false;
}

bool submission_find_testset(const char *path, char testset[SUBMISSION_WORD_BYTES])
{
    const char *base = path_base(path), *at = strrchr(base, '_'), *extension = path_extension(path);
    at = at ? at + 1 : base;
    size_t n = strlen(at) - strlen(extension);
    if (n >= SUBMISSION_WORD_BYTES) return false;
    snprintf(testset, SUBMISSION_WORD_BYTES, "%.*s", (int)n, at);
    return submission_knows_testset(testset);
}

static bool is_word(const char *word, size_t n, bool takes_underscore)
{
    if (n == 0 || n >= SUBMISSION_WORD_BYTES) return false;
    for (size_t i = 0; i < n; i++) {
        char c = word[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && c != '.' && c != '+' && c != '-' && !(takes_underscore && c == '_'))
            return false;
    }
    return true;
}

enum status submission_stem(const char *testset, const char *algorithm,
                            char stem[SUBMISSION_STEM_BYTES])
{
    if (!is_word(testset, strlen(testset), false))
        return fail(ERR_USAGE, "test set '%.100s': 1 to 100 letters, digits, '.', '+', '-'",
                    testset);
    if (!is_word(algorithm, strlen(algorithm), true))
        return fail(ERR_USAGE, "algorithm '%.100s': 1 to 100 letters, digits, '.', '+', '-', '_'",
                    algorithm);
    snprintf(stem, SUBMISSION_STEM_BYTES, "%s%s_%s%s", prefix, testset, algorithm, suffix);
    return OK;
}

static bool is_of_testset(const char *stem, size_t n, const char *testset)
{
    size_t n_set = strlen(testset);
    return n > n_set + 1 && memcmp(stem, testset, n_set) == 0 && stem[n_set] == '_' &&
           is_word(stem + n_set + 1, n - n_set - 1, true);
}

bool submission_stem_is_valid(const char *stem, const char *testset)
{
    size_t n = strlen(stem), n_prefix = strlen(prefix), n_suffix = strlen(suffix);
    if (n < n_prefix + n_suffix || memcmp(stem, prefix, n_prefix) != 0 ||
        memcmp(stem + n - n_suffix, suffix, n_suffix) != 0)
        return false;
    const char *middle = stem + n_prefix;
    n -= n_prefix + n_suffix;
    if (testset) return is_of_testset(middle, n, testset);
    for (size_t i = 0; submission_testsets[i]; i++)
        if (is_of_testset(middle, n, submission_testsets[i])) return true;
    return false;
}

void submission_text_free(struct submission_text *text)
{
    mem_free(text->bytes);
    *text = (struct submission_text){0};
}

static enum status append_bytes(struct submission_text *text, const char *bytes, size_t n)
{
    TRY(mem_reserve(&text->bytes, &text->capacity, text->n + n + 1, 1));
    memcpy(text->bytes + text->n, bytes, n);
    text->n += n;
    text->bytes[text->n] = 0;
    return OK;
}

static enum status append_format(struct submission_text *text, const char *format, ...)
    PRINTF_LIKE(2, 3);

static enum status append_format(struct submission_text *text, const char *format, ...)
{
    char line[512];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    return append_bytes(text, line, (size_t)n);
}

// "12.3", "7", "-0.5", never "-0": rounded, without zeros at the end.
static enum status append_number(struct submission_text *text, double value, int decimals)
{
    char number[340]; // the largest double has 309 digits
    int n = snprintf(number, sizeof number, "%.*f", decimals, value);
    while (n > 0 && number[n - 1] == '0') n--;
    if (n > 0 && number[n - 1] == '.') n--;
    if (n == 2 && number[0] == '-' && number[1] == '0') return append_bytes(text, "0", 1);
    return append_bytes(text, number, (size_t)n);
}

static enum status append_box(struct submission_text *text, const double box[4])
{
    TRY(append_format(text, "\"bbox\":["));
    for (int i = 0; i < 4; i++) {
        if (i) TRY(append_bytes(text, ",", 1));
        TRY(append_number(text, box[i], 1));
    }
    return append_bytes(text, "]", 1);
}

static enum status append_counts(struct submission_text *text, const char *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (counts[i] == '\\') TRY(append_bytes(text, "\\", 1));
        TRY(append_bytes(text, counts + i, 1));
    }
    return OK;
}

// A bbox beside the mask would make the server take the box's area for the mask's.
static enum status append_mask(struct submission_text *text, const struct mask_text *mask)
{
    struct mask_scratch scratch = {0};
    struct rle rle = {0};
    unsigned oddities = 0;
    char *counts = NULL;
    size_t n = 0;
    enum status status = OK;
    // Decoded and encoded again: what is written is then known to fill its image.
    GUARD(mask_decode(mask, mask->height, mask->width, &scratch, &rle, &oddities));
    GUARD(rle_to_text(&rle, &counts, &n));
    GUARD(append_format(text, "\"segmentation\":{\"size\":[%d,%d],\"counts\":\"", rle.height,
                        rle.width));
    GUARD(append_counts(text, counts, n));
    GUARD(append_format(text, "\"}"));
done:
    mem_free(counts);
    rle_free(&rle);
    mask_scratch_free(&scratch);
    return status;
}

static enum status append_one(struct submission_text *text, enum eval_type type,
                              const struct eval_detection *d)
{
    bool is_finite = isfinite(d->score);
    for (int i = 0; i < 4; i++) is_finite = is_finite && isfinite(d->box[i]);
    if (!is_finite)
        return fail(ERR_NUMERIC, "a result of image %lld is not finite", (long long)d->image_id);
    if (type == EVAL_MASKS && d->mask.kind == MASK_NONE)
        return fail(ERR_UNSUPPORTED, "a result of image %lld has no mask", (long long)d->image_id);
    TRY(append_format(text, "{\"image_id\":%lld,\"category_id\":%lld,", (long long)d->image_id,
                      (long long)d->category_id));
    TRY(type == EVAL_MASKS ? append_mask(text, &d->mask) : append_box(text, d->box));
    TRY(append_format(text, ",\"score\":"));
    TRY(append_number(text, d->score, 5));
    return append_bytes(text, "}", 1);
}

enum status submission_append(struct submission_text *text, enum eval_type type,
                              const struct eval_detection *detections, size_t n_detections,
                              size_t *n)
{
    size_t n_kept = n_detections < SUBMISSION_PER_IMAGE ? n_detections : SUBMISSION_PER_IMAGE;
    enum status status = OK;
    uint32_t *order = mem_alloc(n_detections, sizeof *order);
    uint32_t *scratch = mem_alloc(n_detections, sizeof *scratch);
    double *scores = mem_alloc(n_detections, sizeof *scores);
    if (!order || !scratch || !scores) {
        status = ERR_MEMORY;
        goto done;
    }
    for (size_t i = 0; i < n_detections; i++) {
        order[i] = (uint32_t)i;
        scores[i] = detections[i].score;
    }
    order_by_score(order, n_detections, scores, scratch);
    for (size_t i = 0; i < n_kept; i++) {
        if (i) GUARD(append_bytes(text, ",", 1));
        GUARD(append_one(text, type, &detections[order[i]]));
    }
    *n = n_kept;
done:
    mem_free(order);
    mem_free(scratch);
    mem_free(scores);
    return status;
}

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "eval/read.h"
#include "eval/submission_checker.h"

enum { HAS_IMAGE = 1, HAS_CATEGORY = 2, HAS_SCORE = 4, HAS_BOX = 8, HAS_MASK = 16 };

struct result {
    int64_t image_id, category_id;
    double score, box[4];
    struct mask_text mask;
    unsigned has;      // what is there
    unsigned is_sound; // and as it must be
};

static bool read_value(struct json_cursor *cursor, unsigned bit, struct result *result,
                       struct element_error *error)
{
    bool is_empty = false;
    switch (bit) {
    case HAS_IMAGE:
        return read_id(cursor, "image_id", &result->image_id, error);
    case HAS_CATEGORY:
        return read_id(cursor, "category_id", &result->category_id, error);
    case HAS_SCORE:
        return read_number(cursor, "score", &result->score, error);
    case HAS_BOX:
        if (!read_box_or_none(cursor, "bbox", result->box, &is_empty, error)) return false;
        if (is_empty) result->has &= ~(unsigned)HAS_BOX; // as good as none
        return true;
    default: {
        struct mask_error mask_error = {NULL, NULL};
        if (mask_scan(cursor, &result->mask, &mask_error)) return true;
        error->member = mask_error.member;
        error->what = mask_error.what;
        return false;
    }
    }
}

static const struct {
    unsigned bit;
    const char *name;
} members[] = {{HAS_IMAGE, "image_id"},
               {HAS_CATEGORY, "category_id"},
               {HAS_SCORE, "score"},
               {HAS_BOX, "bbox"},
               {HAS_MASK, "segmentation"}};
enum { N_MEMBERS = sizeof members / sizeof *members };

// What is wrong with one member is reported, and reading goes on behind it: the syntax is known to
// be sound.
static void read_member(struct submission_checker *checker, size_t entry,
                        const struct object_reader *reader, struct result *result)
{
    struct json_cursor *cursor = reader->cursor, before = *cursor;
    int i = 0;
    while (i < N_MEMBERS && !object_key_is(reader, members[i].name)) i++;
    if (i == N_MEMBERS) {
        (void)json_skip_value(cursor);
        return;
    }
    struct element_error error = {.status = OK};
    result->has |= members[i].bit;
    if (read_value(cursor, members[i].bit, result, &error)) {
        result->is_sound |= members[i].bit;
        return;
    }
    *cursor = before;
    (void)json_skip_value(cursor);
    result->is_sound &= ~members[i].bit;
    submission_report(checker, FINDING_ERROR,
                      members[i].bit == HAS_MASK ? FINDING_MASK : FINDING_MEMBER, entry, "%s %s",
                      error.member ? error.member : members[i].name,
                      error.what ? error.what : "cannot be read");
}

// The server tells boxes from masks by the first entry alone.
static void find_type(struct submission_checker *checker, size_t entry, const struct result *result)
{
    enum submission_type wanted = checker->options->type;
    bool has_box = result->has & HAS_BOX, has_mask = result->has & HAS_MASK;
    checker->has_type = true;
    bool is_mask = wanted == SUBMISSION_AUTO ? !has_box && has_mask : wanted == SUBMISSION_MASKS;
    checker->summary->type = is_mask ? EVAL_MASKS : EVAL_BOXES;
    if (is_mask && has_box)
        submission_report(checker, FINDING_WARNING, FINDING_TYPE, entry,
                          "bbox beside segmentation: the server takes the boxes' areas for the "
                          "masks'; leave bbox out");
    if (!is_mask && has_mask)
        submission_report(checker, FINDING_WARNING, FINDING_TYPE, entry,
                          "segmentation beside bbox: not needed for boxes, and taken for masks it "
                          "would have the boxes' areas");
}

static void check_mask(struct submission_checker *checker, size_t entry,
                       const struct coco_image *image, struct result *result)
{
    const struct mask_text *mask = &result->mask;
    uint32_t area;
    double box[4];
    unsigned oddities = 0;
    result->is_sound &= ~(unsigned)HAS_MASK;
    if (mask->kind != MASK_TEXT && mask->kind != MASK_ESCAPED) {
        submission_report(checker, FINDING_ERROR, FINDING_MASK, entry,
                          "segmentation is of %s; the server reads compressed run lengths only",
                          mask->kind == MASK_COUNTS ? "plain run lengths" : "polygons");
        return;
    }
    if (image && image->height > 0 && image->width > 0 &&
        (mask->height != image->height || mask->width != image->width)) {
        submission_report(checker, FINDING_ERROR, FINDING_MASK, entry,
                          "segmentation is of %d x %d pixels, image %lld of %d x %d (height x "
                          "width)",
                          mask->height, mask->width, (long long)image->id, image->height,
                          image->width);
        return;
    }
    if (mask_measure(mask, mask->height, mask->width, &checker->scratch, &area, box, &oddities) !=
        OK) {
        submission_report(checker, FINDING_ERROR, FINDING_MASK, entry, "segmentation: %s",
                          fail_message());
        return;
    }
    result->is_sound |= HAS_MASK;
}

static const struct coco_image *check_ids(struct submission_checker *checker, size_t entry,
                                          const struct result *result)
{
    const struct coco_image *image = NULL;
    if (result->is_sound & HAS_IMAGE) {
        image = coco_image_find(checker->split, result->image_id);
        if (!image)
            submission_report(checker, FINDING_ERROR, FINDING_IMAGE, entry,
                              "image_id %lld is not in %s", (long long)result->image_id,
                              checker->split->path);
    }
    if ((result->is_sound & HAS_CATEGORY) &&
        coco_category_index(checker->split, result->category_id) < 0)
        submission_report(checker, FINDING_ERROR, FINDING_CATEGORY, entry,
                          "category_id %lld is not in %s; the server would drop the result",
                          (long long)result->category_id, checker->split->path);
    return image;
}

static enum status note_place(struct submission_checker *checker, size_t entry,
                              const struct result *result)
{
    uint64_t hash = hash_bytes(HASH_START, &result->image_id, sizeof result->image_id);
    hash = hash_bytes(hash, &result->category_id, sizeof result->category_id);
    if (checker->summary->type == EVAL_MASKS) {
        hash = hash_bytes(hash, &result->mask.height, sizeof result->mask.height);
        hash = hash_bytes(hash, result->mask.bytes, result->mask.n_bytes);
    } else {
        for (int i = 0; i < 4; i++) {
            double side = result->box[i] + 0.0; // -0 is 0
            hash = hash_bytes(hash, &side, sizeof side);
        }
    }
    TRY(mem_reserve(&checker->places, &checker->places_capacity, checker->n_places + 1,
                    sizeof *checker->places));
    checker->places[checker->n_places++] = (struct submission_place){hash, entry};
    return OK;
}

static void count_image(struct submission_checker *checker, size_t entry,
                        const struct coco_image *image)
{
    uint32_t *count = &checker->counts[image - checker->split->images];
    if ((*count)++ == 0) checker->summary->n_images_found++;
    if (*count != SUBMISSION_PER_IMAGE + 1) return;
    checker->summary->n_images_over++;
    submission_report(checker, FINDING_ERROR, FINDING_LIMIT, entry,
                      "is result %d of image %lld; the server keeps %d, it does not say which",
                      SUBMISSION_PER_IMAGE + 1, (long long)image->id, SUBMISSION_PER_IMAGE);
}

// An entry that is not sound is in no image's hundred: what it is worth is not known.
static enum status note_for_cut(struct submission_checker *checker, size_t entry,
                                const struct coco_image *image, double score)
{
    if (!checker->options->wants_cut) return OK;
    TRY(mem_reserve(&checker->images, &checker->images_capacity, entry + 1,
                    sizeof *checker->images));
    TRY(mem_reserve(&checker->scores, &checker->scores_capacity, entry + 1,
                    sizeof *checker->scores));
    checker->images[entry] = image ? (uint32_t)(image - checker->split->images) : 0;
    checker->scores[entry] = image ? score : 0;
    return OK;
}

enum status submission_check_entry(struct submission_checker *checker,
                                   const struct stream_element *element)
{
    const unsigned char *begin = (const unsigned char *)element->bytes;
    struct json_cursor cursor = {begin, begin, begin + element->n, NULL};
    struct object_reader reader;
    struct result result = {.has = 0};
    size_t entry = element->index;
    if (*begin == '{' && object_begin(&reader, &cursor)) {
        while (object_next(&reader)) read_member(checker, entry, &reader, &result);
    } else {
        submission_report(checker, FINDING_ERROR, FINDING_MEMBER, entry, "is no object");
        return note_for_cut(checker, entry, NULL, 0);
    }
    if (!checker->has_type) find_type(checker, entry, &result);
    bool is_mask = checker->summary->type == EVAL_MASKS;
    unsigned needed = HAS_IMAGE | HAS_CATEGORY | HAS_SCORE | (is_mask ? HAS_MASK : HAS_BOX);
    for (int i = 0; i < N_MEMBERS; i++)
        if (needed & ~result.has & members[i].bit)
            submission_report(checker, FINDING_ERROR, FINDING_MEMBER, entry, "%s is missing",
                              members[i].name);
    const struct coco_image *image = check_ids(checker, entry, &result);
    if (image) count_image(checker, entry, image);
    result.is_sound &= result.has;
    if (is_mask && (result.is_sound & HAS_MASK)) check_mask(checker, entry, image, &result);
    if (!is_mask && (result.is_sound & HAS_BOX) && (result.box[2] < 0 || result.box[3] < 0))
        submission_report(checker, FINDING_WARNING, FINDING_BOX, entry,
                          "bbox of width %g and height %g can match nothing", result.box[2],
                          result.box[3]);
    if ((result.is_sound & needed) == needed) TRY(note_place(checker, entry, &result));
    return note_for_cut(checker, entry, image, result.score);
}

#define _POSIX_C_SOURCE 200809L
#include "coco/mask_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum status mask_file_open(const char *path, struct mask_file *file)
{
    struct mask_file opened = {.path = mem_strdup(path)};
    if (!opened.path) return ERR_MEMORY;
    opened.descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (opened.descriptor < 0) {
        mem_free(opened.path);
        return fail(ERR_IO, "%s: %s", path, strerror(errno));
    }
    *file = opened;
    return OK;
}

void mask_file_close(struct mask_file *file)
{
    if (!file->path) return;
    close(file->descriptor);
    mem_free(file->path);
    *file = (struct mask_file){0};
}

void mask_reader_free(struct mask_reader *reader)
{
    mask_scratch_free(&reader->scratch);
    mem_free(reader->text);
    *reader = (struct mask_reader){0};
}

static enum status read_text(const struct mask_file *file, const struct coco_object *object,
                             struct mask_reader *reader)
{
    size_t n = object->segmentation_bytes, have = 0;
    TRY(mem_reserve(&reader->text, &reader->text_capacity, n, 1));
    while (have < n) {
        ssize_t got = pread(file->descriptor, reader->text + have, n - have,
                            (off_t)(object->segmentation_offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(ERR_IO, "%s", strerror(errno));
        if (got == 0) return fail(ERR_IO, "the file has become shorter since it was loaded");
        have += (size_t)got;
    }
    return OK;
}

static enum status read_mask(const struct mask_file *file, const struct coco_object *object,
                             int height, int width, struct mask_reader *reader, struct rle *rle,
                             unsigned *oddities)
{
    struct mask_text mask;
    struct mask_error wrong;
    if (object->segmentation_bytes == 0) return fail(ERR_DATA, "has no segmentation");
    TRY(read_text(file, object, reader));
    const unsigned char *begin = (const unsigned char *)reader->text;
    struct json_cursor cursor = {begin, begin, begin + object->segmentation_bytes, NULL};
    if (!mask_scan(&cursor, &mask, &wrong)) {
        if (wrong.what)
            return fail(ERR_DATA, "%s%s%s", wrong.member ? wrong.member : "",
                        wrong.member ? " " : "", wrong.what);
        return fail(ERR_PARSE, "%s; has the file changed since it was loaded?",
                    cursor.error ? cursor.error : "malformed");
    }
    if (mask.kind != MASK_POLYGONS && (mask.height != height || mask.width != width))
        return fail(ERR_DATA,
                    "its run lengths are for an image of %" PRId32 " x %" PRId32
                    " pixels (width x height), the image has %d x %d",
                    mask.width, mask.height, width, height);
    return mask_decode(&mask, height, width, &reader->scratch, rle, oddities);
}

enum status mask_file_read(const struct mask_file *file, const struct coco_object *object,
                           int height, int width, struct mask_reader *reader, struct rle *rle,
                           unsigned *oddities)
{
    unsigned ignored;
    enum status status =
        read_mask(file, object, height, width, reader, rle, oddities ? oddities : &ignored);
    if (status == OK || status == ERR_MEMORY) return status;
    return fail_context(status, "%s: annotation %" PRId64 " (segmentation at byte %" PRIu64 "): ",
                        file->path, object->id, object->segmentation_offset);
}

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "eval/submission.h"

enum status submission_open_json(const char *folder, FILE **json)
{
    char path[PATH_BYTES];
    TRY(path_join(path, folder, "submission.XXXXXX.tmp"));
    int fd = mkostemps(path, 4, O_CLOEXEC);
    if (fd < 0) return fail(ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    (void)unlink(path);
    *json = fdopen(fd, "w+b");
    if (*json) return OK;
    enum status status = fail(ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    close(fd);
    return status;
}

// libzip writes the archive when it is closed, to a file of its own that it renames to `path`.
static enum status write_archive(const char *path, const char *entry, FILE *json)
{
    int code = 0;
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        enum status status = fail(ERR_IO, "%s: %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
        fclose(json);
        return status;
    }
    zip_source_t *source = zip_source_filep(archive, json, 0, 0); // takes json over
    if (!source) fclose(json);
    zip_int64_t index = source ? zip_file_add(archive, entry, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && index < 0) zip_source_free(source);
    // zlib's usual level (libzip takes the highest: over twice the time for 4 %), and
    // 1 January 1980, so that the same results are the same archive.
    bool is_added =
        index >= 0 &&
        zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_DEFLATE, 6) == 0 &&
        zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 0x21, 0) == 0;
    if (is_added && zip_close(archive) == 0) return OK;
    enum status status = fail(ERR_IO, "%s: %s", path, zip_strerror(archive));
    zip_discard(archive);
    return status;
}

static enum status sync_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_safe = fd >= 0 && fsync(fd) == 0;
    enum status status = is_safe ? OK : fail(ERR_IO, "%s: cannot write: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return status;
}

enum status submission_pack(const char *folder, const char *stem, FILE *json)
{
    char name[SUBMISSION_STEM_BYTES + 8], path[PATH_BYTES];
    struct file_writer writer = {.stream = NULL};
    enum status status = OK;
    if (fflush(json) != 0 || ferror(json) || fseek(json, 0, SEEK_SET) != 0) {
        status = fail(ERR_IO, "%s: cannot write: %s", folder, strerror(errno));
        goto done;
    }
    snprintf(name, sizeof name, "%s.zip", stem);
    GUARD(path_join(path, folder, name));
    GUARD(file_writer_begin(&writer, path));
    snprintf(name, sizeof name, "%s.json", stem);
    status = write_archive(writer.temporary, name, json);
    json = NULL;
    if (status != OK) goto done;
    // What the writer holds open is not what libzip put in its place.
    GUARD(sync_file(writer.temporary));
    GUARD(file_writer_commit(&writer));
done:
    if (json) fclose(json);
    file_writer_abort(&writer);
    return status;
}

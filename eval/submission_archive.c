#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "eval/submission_checker.h"

static const uint64_t most_bytes = (uint64_t)4 << 30;

enum { SHOWN_BYTES = 128 };

// A name from a foreign archive, fit for a terminal.
static const char *shown(const char *name, char text[SHOWN_BYTES])
{
    size_t n = 0;
    for (; name[n] && n < SHOWN_BYTES - 1; n++)
        text[n] = name[n] < 0x20 || name[n] == 0x7F ? '?' : name[n];
    text[n] = 0;
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

static void check_file_name(struct submission_checker *checker, char stem[SUBMISSION_STEM_BYTES])
{
    const char *base = path_base(checker->path), *testset = checker->options->testset;
    size_t n = strlen(base);
    stem[0] = 0;
    if (ends_with(base, ".zip") && n - 4 < SUBMISSION_STEM_BYTES) {
        snprintf(stem, SUBMISSION_STEM_BYTES, "%.*s", (int)(n - 4), base);
        if (submission_stem_is_valid(stem, testset)) return;
    }
    submission_report(checker, FINDING_ERROR, FINDING_NAME, FINDING_WHOLE,
                      "the file must be called detections_%s_ALGORITHM_results.zip",
                      testset ? testset : "TESTSET");
}

static void check_entry_kind(struct submission_checker *checker, const char *name,
                             const zip_stat_t *info)
{
    char text[SHOWN_BYTES];
    if ((info->valid & ZIP_STAT_ENCRYPTION_METHOD) && info->encryption_method != ZIP_EM_NONE)
        submission_report(checker, FINDING_ERROR, FINDING_ARCHIVE, FINDING_WHOLE,
                          "'%s' is encrypted", shown(name, text));
    // The server's Python reads no others.
    if ((info->valid & ZIP_STAT_COMP_METHOD) && info->comp_method != ZIP_CM_STORE &&
        info->comp_method != ZIP_CM_DEFLATE)
        submission_report(checker, FINDING_ERROR, FINDING_ARCHIVE, FINDING_WHOLE,
                          "'%s' is compressed by method %u; only stored and deflated are read",
                          shown(name, text), info->comp_method);
}

// Whether an entry may hold the results.
static bool check_entry_name(struct submission_checker *checker, const char *name, const char *stem)
{
    char text[SHOWN_BYTES];
    const char *base = path_base(name);
    shown(name, text);
    if (!base[0]) {
        submission_report(checker, FINDING_ERROR, FINDING_LAYOUT, FINDING_WHOLE,
                          "holds the folder '%s'; the .json must be at the top level", text);
        return false;
    }
    if (!ends_with(name, ".json")) {
        submission_report(checker, FINDING_ERROR, FINDING_LAYOUT, FINDING_WHOLE,
                          "holds '%s', which is no .json", text);
        return false;
    }
    if (base != name || strchr(name, '\\'))
        submission_report(checker, FINDING_ERROR, FINDING_LAYOUT, FINDING_WHOLE,
                          "'%s' lies in a folder; the .json must be at the top level", text);
    size_t n = strlen(stem);
    if (n && (strncmp(base, stem, n) != 0 || strcmp(base + n, ".json") != 0))
        submission_report(checker, FINDING_ERROR, FINDING_NAME, FINDING_WHOLE,
                          "holds '%s', expected '%s.json'", text, stem);
    return true;
}

static enum status open_entry(struct submission_checker *checker, zip_uint64_t index,
                              const zip_stat_t *info, struct submission_archive *archive)
{
    uint64_t bytes = info->valid & ZIP_STAT_SIZE ? info->size : 0;
    if (bytes > most_bytes) {
        submission_report(checker, FINDING_ERROR, FINDING_SIZE, FINDING_WHOLE,
                          "would unpack to %llu bytes; no server takes that, and it is not read",
                          (unsigned long long)bytes);
        return OK;
    }
    archive->file = zip_fopen_index(archive->zip, index, 0);
    if (!archive->file)
        submission_report(checker, FINDING_ERROR, FINDING_ARCHIVE, FINDING_WHOLE,
                          "cannot be unpacked: %s", zip_strerror(archive->zip));
    return OK;
}

static enum status check_layout(struct submission_checker *checker, const char *stem,
                                struct submission_archive *archive)
{
    zip_int64_t n = zip_get_num_entries(archive->zip, 0), first = -1;
    size_t n_json = 0;
    zip_stat_t chosen;
    for (zip_int64_t i = 0; i < n; i++) {
        zip_stat_t info;
        const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name || zip_stat_index(archive->zip, (zip_uint64_t)i, 0, &info) != 0) {
            submission_report(checker, FINDING_ERROR, FINDING_ARCHIVE, FINDING_WHOLE,
                              "entry %lld of the archive cannot be read: %s", (long long)i,
                              zip_strerror(archive->zip));
            continue;
        }
        if (!check_entry_name(checker, name, stem)) continue;
        check_entry_kind(checker, name, &info);
        if (n_json++ == 0) {
            first = i;
            chosen = info;
        }
    }
    if (n_json != 1)
        submission_report(checker, FINDING_ERROR, FINDING_LAYOUT, FINDING_WHOLE,
                          "holds %zu .json files, expected one%s", n_json,
                          n_json ? "; only the first is checked further" : "");
    return first < 0 ? OK : open_entry(checker, (zip_uint64_t)first, &chosen, archive);
}

static enum status note_size(struct submission_checker *checker)
{
    struct stat info;
    if (stat(checker->path, &info) != 0)
        return fail(ERR_IO, "%s: cannot open: %s", checker->path, strerror(errno));
    if (!S_ISREG(info.st_mode)) return fail(ERR_IO, "%s: not a regular file", checker->path);
    checker->summary->zip_bytes = (uint64_t)info.st_size;
    return OK;
}

enum status submission_archive_open(struct submission_checker *checker,
                                    struct submission_archive *archive)
{
    char stem[SUBMISSION_STEM_BYTES];
    int code = 0;
    *archive = (struct submission_archive){.zip = NULL};
    TRY(note_size(checker));
    check_file_name(checker, stem);
    archive->zip = zip_open(checker->path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (archive->zip) return check_layout(checker, stem, archive);
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    enum status status = OK;
    if (code == ZIP_ER_MEMORY)
        status = fail(ERR_MEMORY, "%s: out of memory", checker->path);
    else if (code == ZIP_ER_OPEN)
        status = fail(ERR_IO, "%s: %s", checker->path, zip_error_strerror(&error));
    else
        submission_report(checker, FINDING_ERROR, FINDING_ARCHIVE, FINDING_WHOLE,
                          "is no sound zip archive (%s); a plain .json is not taken either",
                          zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
}

void submission_archive_close(struct submission_archive *archive)
{
    if (archive->file) (void)zip_fclose(archive->file);
    if (archive->zip) zip_discard(archive->zip);
    *archive = (struct submission_archive){.zip = NULL};
}

enum status submission_archive_read(void *context, void *bytes, size_t n, size_t *got)
{
    struct submission_archive *archive = context;
    zip_int64_t n_read = zip_fread(archive->file, bytes, n);
    if (n_read < 0)
        return fail(ERR_DATA, "cannot be unpacked: %s", zip_file_strerror(archive->file));
    archive->n_read += (uint64_t)n_read;
    // What the archive says of the size need not be true.
    if (archive->n_read > most_bytes)
        return fail(ERR_DATA, "unpacks to more than %llu bytes", (unsigned long long)most_bytes);
    *got = (size_t)n_read;
    return OK;
}

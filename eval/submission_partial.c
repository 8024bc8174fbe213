#define _GNU_SOURCE // flock
#include "eval/submission_partial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { HASH_DIGITS = 16, HEADER_BYTES = 128, LEAD_BYTES = 96 };

static const char magic[] = "tarn-submission-1";
static const double sync_interval = 5; // seconds

static enum status system_fail(const char *path, const char *what)
{
    return fail(ERR_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

// A line without its newline: range of the file.
struct line {
    const char *text; // behind the hash
    size_t n;
    size_t end; // offset behind the newline
};

// The line at `at`; false where none is, or not a whole one.
static bool next_line(const struct file_map *map, size_t at, struct line *line)
{
    const char *begin = (const char *)map->bytes + at;
    const char *newline =
        at < map->n_bytes ? (const char *)memchr(begin, '\n', map->n_bytes - at) : NULL;
    char hash[HASH_DIGITS + 1];
    if (!newline || newline - begin < HASH_DIGITS + 1 || begin[HASH_DIGITS] != ' ') return false;
    line->text = begin + HASH_DIGITS + 1;
    line->n = (size_t)(newline - line->text);
    line->end = at + (size_t)(newline - begin) + 1;
    snprintf(hash, sizeof hash, "%016" PRIx64, hash_bytes(HASH_START, line->text, line->n));
    return memcmp(hash, begin, HASH_DIGITS) == 0;
}

struct record {
    int64_t image_id;
    size_t n;
    int is_broken;
    const char *text;
    size_t n_text;
};

static bool read_record(const struct line *line, struct record *record)
{
    char lead[LEAD_BYTES];
    long long id;
    int used = 0;
    snprintf(lead, sizeof lead, "%.*s", (int)(line->n < sizeof lead ? line->n : sizeof lead - 1),
             line->text);
    if (sscanf(lead, "%lld %zu %d %n", &id, &record->n, &record->is_broken, &used) != 3 ||
        used == 0)
        return false;
    record->image_id = id;
    record->text = line->text + used;
    record->n_text = line->n - (size_t)used;
    return true;
}

static void header_text(const struct partial_key *key, char text[HEADER_BYTES])
{
    snprintf(text, HEADER_BYTES, "%s %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %s", magic,
             key->checkpoint, key->config, key->split, key->type == EVAL_MASKS ? "segm" : "bbox");
}

static enum status check_header(const char *path, const struct line *line,
                                const struct partial_key *key)
{
    char text[HEADER_BYTES], word[32], type[8];
    struct partial_key found;
    snprintf(text, sizeof text, "%.*s", (int)(line->n < sizeof text ? line->n : sizeof text - 1),
             line->text);
    if (sscanf(text, "%31s %" SCNx64 " %" SCNx64 " %" SCNx64 " %7s", word, &found.checkpoint,
               &found.config, &found.split, type) != 5 ||
        strcmp(word, magic) != 0)
        return fail(ERR_DATA, "%s: holds no results under way", path);
    const char *other = found.checkpoint != key->checkpoint ? "checkpoint"
                        : found.config != key->config       ? "config"
                        : found.split != key->split         ? "list of images"
                        : strcmp(type, key->type == EVAL_MASKS ? "segm" : "bbox") != 0 ? "type"
                                                                                       : NULL;
    if (!other) return OK;
    return fail(ERR_DATA, "%s: holds results under way of another %s", path, other);
}

// Goes through what is there; *keep: the bytes that count.
static enum status read_lines(struct submission_partial *partial, const struct file_map *map,
                              const struct partial_key *key, const int64_t *image_ids, size_t n,
                              size_t group, size_t *keep)
{
    struct line line;
    struct record record;
    *keep = 0;
    if (!next_line(map, 0, &line)) {
        // A run that was killed while it made the file leaves less than a line.
        if (map->n_bytes && memchr(map->bytes, '\n', map->n_bytes))
            return fail(ERR_DATA, "%s: holds no results under way", partial->path);
        return OK;
    }
    TRY(check_header(partial->path, &line, key));
    *keep = line.end;
    size_t n_images = 0, n_results = 0, n_broken = 0;
    while (n_images < n && next_line(map, line.end, &line) && read_record(&line, &record) &&
           record.image_id == image_ids[n_images]) {
        n_images++;
        n_results += record.n;
        n_broken += record.is_broken != 0;
        if (n_images % group != 0 && n_images != n) continue;
        *keep = line.end;
        partial->n_images = n_images;
        partial->n_results = n_results;
        partial->n_broken = n_broken;
    }
    return OK;
}

static enum status write_all(const struct submission_partial *partial, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(partial->fd, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return system_fail(partial->path, "write");
        bytes += done;
        n -= (size_t)done;
    }
    return OK;
}

static enum status add_line(struct submission_partial *partial, const char *lead, const char *text,
                            size_t n_text)
{
    struct submission_text *lines = &partial->lines;
    size_t n_lead = strlen(lead), n = HASH_DIGITS + 1 + n_lead + n_text + 1;
    TRY(mem_reserve(&lines->bytes, &lines->capacity, lines->n + n + 1, 1));
    char *at = lines->bytes + lines->n;
    uint64_t hash = hash_bytes(hash_bytes(HASH_START, lead, n_lead), text, n_text);
    snprintf(at, n + 1, "%016" PRIx64 " %s", hash, lead);
    if (n_text) memcpy(at + HASH_DIGITS + 1 + n_lead, text, n_text);
    at[n - 1] = '\n';
    lines->n += n;
    return OK;
}

static enum status begin_file(struct submission_partial *partial, const struct partial_key *key)
{
    char header[HEADER_BYTES];
    header_text(key, header);
    TRY(add_line(partial, header, "", 0));
    return submission_partial_write(partial, true);
}

enum status submission_partial_open(const char *path, const struct partial_key *key,
                                    const int64_t *image_ids, size_t n, size_t group,
                                    struct submission_partial *out)
{
    struct submission_partial partial = {.fd = -1, .synced = clock_seconds()};
    struct file_map map = {NULL, 0};
    size_t keep = 0;
    enum status status = OK;
    snprintf(partial.path, sizeof partial.path, "%s", path);
    partial.fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (partial.fd < 0) return system_fail(path, "open");
    if (flock(partial.fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? fail(ERR_IO, "%s: another process is writing it", path)
                                      : system_fail(path, "lock");
        goto done;
    }
    GUARD(file_map_open(path, &map));
    GUARD(read_lines(&partial, &map, key, image_ids, n, group, &keep));
    if (keep < map.n_bytes && ftruncate(partial.fd, (off_t)keep) != 0) {
        status = system_fail(path, "cut");
        goto done;
    }
    if (keep == 0) GUARD(begin_file(&partial, key));
    *out = partial;
    partial = (struct submission_partial){.fd = -1};
done:
    file_map_close(&map);
    submission_partial_close(&partial);
    return status;
}

enum status submission_partial_add(struct submission_partial *partial, int64_t image_id,
                                   const char *text, size_t n, bool is_broken)
{
    char lead[LEAD_BYTES];
    snprintf(lead, sizeof lead, "%lld %zu %d ", (long long)image_id, n, is_broken);
    TRY(add_line(partial, lead, text, n ? strlen(text) : 0));
    partial->n_images++;
    partial->n_results += n;
    partial->n_broken += is_broken;
    return OK;
}

enum status submission_partial_write(struct submission_partial *partial, bool is_final)
{
    double now = clock_seconds();
    TRY(write_all(partial, partial->lines.bytes, partial->lines.n));
    partial->lines.n = 0;
    if (!is_final && now - partial->synced < sync_interval) return OK;
    partial->synced = now;
    return fsync(partial->fd) == 0 ? OK : system_fail(partial->path, "write");
}

enum status submission_partial_print(const struct submission_partial *partial, FILE *json)
{
    struct file_map map;
    struct line line;
    struct record record;
    size_t n_written = 0;
    TRY(file_map_open(partial->path, &map));
    bool is_whole = next_line(&map, 0, &line);
    fputc('[', json);
    for (size_t i = 0; is_whole && i < partial->n_images; i++) {
        is_whole = next_line(&map, line.end, &line) && read_record(&line, &record);
        if (!is_whole || record.n == 0) continue;
        fputs(n_written++ ? ",\n" : "\n", json);
        fwrite(record.text, 1, record.n_text, json);
    }
    fputs("\n]\n", json);
    file_map_close(&map);
    if (!is_whole) return fail(ERR_DATA, "%s: changed while it was in use", partial->path);
    return ferror(json) ? fail(ERR_IO, "%s: cannot write the results", partial->path) : OK;
}

void submission_partial_close(struct submission_partial *partial)
{
    if (partial->fd >= 0) close(partial->fd);
    partial->fd = -1;
    submission_text_free(&partial->lines);
}

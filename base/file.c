#define _GNU_SOURCE
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sanitizer.h"

static enum status system_fail(const char *path, const char *what)
{
    return fail(ERR_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

// Opens a regular file and tells its size.
static enum status open_regular(const char *path, int *fd_out, size_t *n_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not hang us
    if (fd < 0) return system_fail(path, "open");
    struct stat info;
    if (fstat(fd, &info) != 0) {
        enum status status = system_fail(path, "stat");
        close(fd);
        return status;
    }
    if (!S_ISREG(info.st_mode)) {
        close(fd);
        return fail(ERR_IO, "%s: not a regular file", path);
    }
    *fd_out = fd;
    *n_bytes = (size_t)info.st_size;
    return OK;
}

// *got is less than n when the file was shrunk meanwhile.
static enum status read_all(const char *path, int fd, char *buffer, size_t n, size_t *got)
{
    *got = 0;
    while (*got < n) {
        ssize_t part = read(fd, buffer + *got, n - *got);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return system_fail(path, "read");
        if (part == 0) break;
        *got += (size_t)part;
    }
    return OK;
}

enum status file_read(const char *path, size_t max_bytes, char **text, size_t *n_bytes)
{
    int fd;
    size_t size, got = 0;
    TRY(open_regular(path, &fd, &size));
    enum status status = OK;
    char *buffer = NULL;
    if (max_bytes && size > max_bytes) {
        status = fail(ERR_IO, "%s: %zu bytes, more than the %zu allowed", path, size, max_bytes);
        goto done;
    }
    buffer = (char *)mem_alloc(size + 1, 1);
    if (!buffer) {
        status = fail_context(ERR_MEMORY, "%s: ", path);
        goto done;
    }
    GUARD(read_all(path, fd, buffer, size, &got));
    buffer[got] = 0;
    *text = buffer;
    if (n_bytes) *n_bytes = got;
    buffer = NULL;
done:
    mem_free(buffer);
    close(fd);
    return status;
}

// The address sanitizer knows nothing of mappings, whose last page is readable to its end. It
// gets blocks of just the file's size instead.
#if HAS_ADDRESS_SANITIZER
static enum status map(const char *path, int fd, size_t size, struct file_map *map)
{
    size_t got;
    char *block = (char *)mem_alloc(size, 1);
    if (!block) return fail_context(ERR_MEMORY, "%s: ", path);
    enum status status = read_all(path, fd, block, size, &got);
    if (status == OK)
        *map = (struct file_map){(const unsigned char *)block, size};
    else
        mem_free(block);
    return status;
}

static void unmap(struct file_map *map)
{
    mem_free((void *)(uintptr_t)map->bytes);
}

const unsigned char *file_map_drop(const unsigned char *from, const unsigned char *upto)
{
    (void)upto;
    return from;
}
#else
static enum status map(const char *path, int fd, size_t size, struct file_map *map)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return system_fail(path, "map");
    *map = (struct file_map){(const unsigned char *)bytes, size};
    return OK;
}

static void unmap(struct file_map *map)
{
    munmap((void *)(uintptr_t)map->bytes, map->n_bytes);
}

const unsigned char *file_map_drop(const unsigned char *from, const unsigned char *upto)
{
    enum { DROP_BYTES = 4 << 20, ROUND = 1 << 16 }; // a multiple of any page size in use
    if ((size_t)(upto - from) < DROP_BYTES) return from;
    const unsigned char *begin = from + (ROUND - (uintptr_t)from % ROUND) % ROUND;
    const unsigned char *end = upto - (uintptr_t)upto % ROUND;
    (void)madvise((void *)(uintptr_t)begin, (size_t)(end - begin), MADV_DONTNEED);
    return end;
}
#endif

enum status file_map_open(const char *path, struct file_map *out)
{
    int fd;
    size_t size;
    TRY(open_regular(path, &fd, &size));
    enum status status = OK;
    if (size)
        status = map(path, fd, size, out);
    else
        *out = (struct file_map){(const unsigned char *)"", 0};
    close(fd);
    return status;
}

void file_map_close(struct file_map *map)
{
    if (map->n_bytes) unmap(map);
    *map = (struct file_map){NULL, 0};
}

enum status file_writer_begin(struct file_writer *writer, const char *path)
{
    int n = snprintf(writer->temporary, PATH_BYTES, "%s.XXXXXX.tmp", path);
    if (n < 0 || n >= PATH_BYTES) return fail(ERR_IO, "path too long: %.200s...", path);
    snprintf(writer->path, PATH_BYTES, "%s", path);
    writer->stream = NULL;
    int fd = mkstemps(writer->temporary, 4);
    if (fd < 0) return system_fail(path, "create");
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask); // mkstemp made it private
    writer->stream = fdopen(fd, "wb");
    if (!writer->stream) {
        enum status status = system_fail(path, "create");
        close(fd);
        unlink(writer->temporary);
        return status;
    }
    return OK;
}

void file_writer_abort(struct file_writer *writer)
{
    if (!writer->stream) return;
    fclose(writer->stream);
    writer->stream = NULL;
    unlink(writer->temporary);
}

// Makes a rename in the folder of `path` durable.
static void sync_folder(const char *path)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return; // not every file system lets folders be opened
    (void)fsync(fd);
    close(fd);
}

enum status file_writer_commit(struct file_writer *writer)
{
    FILE *stream = writer->stream;
    bool failed = ferror(stream) != 0;
    if (failed) errno = errno ? errno : EIO;
    failed = failed || fflush(stream) != 0 || fsync(fileno(stream)) != 0;
    int saved_errno = errno;
    writer->stream = NULL;
    if (fclose(stream) != 0 && !failed) {
        failed = true;
        saved_errno = errno;
    }
    errno = saved_errno;
    if (failed || rename(writer->temporary, writer->path) != 0) {
        enum status status = system_fail(writer->path, "write");
        unlink(writer->temporary);
        return status;
    }
    sync_folder(writer->path);
    return OK;
}

enum status file_write(const char *path, const void *bytes, size_t n_bytes)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    if (n_bytes && fwrite(bytes, 1, n_bytes, writer.stream) != n_bytes) {
        enum status status = system_fail(path, "write");
        file_writer_abort(&writer);
        return status;
    }
    return file_writer_commit(&writer);
}

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool file_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum status folder_create(const char *path)
{
    char part[PATH_BYTES];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part) return fail(ERR_IO, "bad folder name of %zu bytes", n);
    memcpy(part, path, n + 1);
    for (char *p = part + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(part, 0777) != 0 && errno != EEXIST) return system_fail(part, "create folder");
        *p = '/';
    }
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return system_fail(path, "create folder");
    if (!file_is_folder(path)) return fail(ERR_IO, "%s: not a folder", path);
    return OK;
}

enum status path_join(char out[PATH_BYTES], const char *folder, const char *name)
{
    size_t n = strlen(folder);
    bool bare = name[0] == '/' || n == 0;
    const char *slash = bare || folder[n - 1] == '/' ? "" : "/";
    int length = snprintf(out, PATH_BYTES, "%s%s%s", bare ? "" : folder, slash, name);
    if (length < 0 || length >= PATH_BYTES)
        return fail(ERR_IO, "path too long: %.200s...", folder);
    return OK;
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *path_extension(const char *path)
{
    const char *base = path_base(path), *dot = strrchr(base, '.');
    return dot && dot != base ? dot : "";
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum status list_kind(const char *path, mode_t kind, struct path_list *list)
{
    DIR *folder = opendir(path);
    if (!folder) return system_fail(path, "open folder");
    enum status status = OK;
    struct path_list found = {NULL, 0};
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno) status = system_fail(path, "read folder");
            break;
        }
        char joined[PATH_BYTES];
        struct stat info;
        if (entry->d_name[0] == '.') continue;
        GUARD(path_join(joined, path, entry->d_name));
        if (stat(joined, &info) != 0 || (info.st_mode & S_IFMT) != kind) continue;
        GUARD(mem_reserve(&found.paths, &capacity, found.n + 1, sizeof *found.paths));
        char *copy = mem_strdup(joined);
        if (!copy) {
            status = ERR_MEMORY;
            goto done;
        }
        found.paths[found.n++] = copy;
    }
done:
    closedir(folder);
    if (status != OK) {
        path_list_free(&found);
        return status;
    }
    if (found.n) qsort(found.paths, found.n, sizeof *found.paths, compare_names);
    *list = found;
    return OK;
}

enum status folder_list(const char *path, struct path_list *list)
{
    return list_kind(path, S_IFREG, list);
}

enum status folder_list_folders(const char *path, struct path_list *list)
{
    return list_kind(path, S_IFDIR, list);
}

void path_list_free(struct path_list *list)
{
    for (size_t i = 0; i < list->n; i++) mem_free(list->paths[i]);
    mem_free(list->paths);
    *list = (struct path_list){NULL, 0};
}

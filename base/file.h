// Files and folders. Every error names the path and the system's reason.
#ifndef TARN_BASE_FILE_H
#define TARN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PATH_BYTES = 4096 };

// The whole file, NUL-terminated after its last byte; freed with mem_free.
// Refuses folders, devices and files over max_bytes (0: no limit).
enum status file_read(const char *path, size_t max_bytes, char **text, size_t *n_bytes) MUST_USE;

// A read-only mapping. An empty file maps to a valid pointer and 0 bytes.
struct file_map {
    const unsigned char *bytes;
    size_t n_bytes;
};
enum status file_map_open(const char *path, struct file_map *map) MUST_USE;
void file_map_close(struct file_map *map);
// Gives memory of a mapping's part back once there is enough to be worth it; only a hint: whoever
// looks there again gets it from the file. Returns where to go on.
const unsigned char *file_map_drop(const unsigned char *from, const unsigned char *upto);

// Atomic writing: a temporary file beside `path`, fsynced and renamed by commit. A kill at any
// moment leaves the old file or the new one. Use `stream` between begin and commit; abort (or a
// failed commit, e.g. on a full disk) removes the temporary file and leaves the old one.
struct file_writer {
    FILE *stream;
    char path[PATH_BYTES], temporary[PATH_BYTES];
};
enum status file_writer_begin(struct file_writer *writer, const char *path) MUST_USE;
enum status file_writer_commit(struct file_writer *writer) MUST_USE;
void file_writer_abort(struct file_writer *writer); // harmless after commit

// The three in one.
enum status file_write(const char *path, const void *bytes, size_t n_bytes) MUST_USE;

bool file_exists(const char *path);
bool file_is_folder(const char *path);
enum status folder_create(const char *path) MUST_USE; // with parents; fine when it exists

// "a" + "b.c" -> "a/b.c"; an absolute name replaces the folder. An error when it does not fit.
enum status path_join(char out[PATH_BYTES], const char *folder, const char *name) MUST_USE;
const char *path_base(const char *path);      // after the last '/'
const char *path_extension(const char *path); // ".jpg" or ""; of the base name

// Regular files of a folder, by bytewise order of their names, as joined paths. Not recursive.
// Hidden files (.*) are left out. Free with path_list_free.
struct path_list {
    char **paths;
    size_t n;
};
enum status folder_list(const char *path, struct path_list *list) MUST_USE;
enum status folder_list_folders(const char *path, struct path_list *list) MUST_USE; // its folders
void path_list_free(struct path_list *list);

#ifdef __cplusplus
}
#endif
#endif

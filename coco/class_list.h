// A text file that tells the class of each image: private to coco/class_set.c.
#ifndef TARN_COCO_CLASS_LIST_H
#define TARN_COCO_CLASS_LIST_H

#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct class_line {
    char *path;       // into text
    const char *name; // into text
    int channel;      // index into classes
};

struct class_list {
    char *text;
    struct class_line *lines;
    size_t n;
    const char **classes; // into text; by name, or by number where all are whole numbers
    size_t n_classes;
};

// Lines "PATH CLASS" with blanks or tabs between; the last word is the class, so that paths may
// hold blanks. Empty lines and what follows a # at a line's begin are left out. ERR_DATA names the
// line that has no class.
enum status class_list_read(const char *path, struct class_list *list) MUST_USE;
void class_list_free(struct class_list *list);

#ifdef __cplusplus
}
#endif
#endif

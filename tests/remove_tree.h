// Removes a folder with all that is in it. _XOPEN_SOURCE must be 700 before the first #include.
#ifndef TARN_TESTS_REMOVE_TREE_H
#define TARN_TESTS_REMOVE_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int remove_tree_one(const char *path, const struct stat *info, int kind,
                                  struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

// A folder that is not there is none of its concern.
static inline void remove_tree(const char *path)
{
    (void)nftw(path, remove_tree_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif

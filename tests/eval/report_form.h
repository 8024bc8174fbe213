// Whether an HTML page is well formed.
#ifndef TARN_TESTS_EVAL_REPORT_FORM_H
#define TARN_TESTS_EVAL_REPORT_FORM_H

#include <stddef.h>

// Elements nest and are closed (<meta/> closes itself), attributes are quoted and unique, text and
// values hold no bare & or <, ids are unique. Fails the test naming the place. The content of
// <style> and <script> only must not close them.
void expect_well_formed(const char *page);

// Elements of this name.
size_t count_elements(const char *page, const char *name);

#endif

#include "coco/survey.h"

#include "base/mem.h"
#include "coco/survey_parts.h"

enum status survey_run(const char *path, const struct survey_options *options,
                       struct survey **survey)
{
    struct survey *s = (struct survey *)mem_alloc(1, sizeof *s);
    if (!s) return ERR_MEMORY;
    enum status status = OK;
    arena_init(&s->names, &arena_host_source);
    defects_init(&s->defects);
    s->path = mem_strdup(path);
    if (!s->path) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(survey_read(s));
    GUARD(survey_check_images(s, options));
    GUARD(survey_check_boxes(s));
    GUARD(survey_check_masks(s, options));
    defects_sort(&s->defects);
    *survey = s;
done:
    if (status != OK) survey_destroy(s);
    return status;
}

void survey_destroy(struct survey *survey)
{
    if (!survey) return;
    mem_free(survey->path);
    mem_free(survey->categories);
    mem_free(survey->category_images);
    mem_free(survey->images);
    mem_free(survey->objects);
    defects_free(&survey->defects);
    arena_free(&survey->names);
    mem_free(survey);
}

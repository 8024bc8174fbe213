#include "eval/report/file_names.h"

#include <string.h>

#include "base/json_stream.h"
#include "base/mem.h"

static enum status keep_name(const struct json_stream *stream, const struct json_element *element,
                             const int64_t *ids, size_t n, char **names)
{
    struct json_place place = {stream->path, "images", element->index};
    cJSON *tree;
    int64_t id;
    const char *name;
    TRY(json_stream_parse(stream, element, NULL, NULL, &tree));
    enum status status = json_get_id(tree, &place, "id", &id);
    for (size_t i = 0; status == OK && i < n; i++) {
        if (ids[i] != id || names[i] || !json_find(tree, "file_name")) continue;
        GUARD(json_get_string(tree, &place, "file_name", &name));
        names[i] = mem_strdup(name);
        if (!names[i]) status = ERR_MEMORY;
    }
done:
    cJSON_Delete(tree);
    return status;
}

enum status file_names_read(const char *path, const int64_t *ids, size_t n, char **names)
{
    struct json_stream stream;
    struct json_member member;
    struct json_element element;
    TRY(json_stream_open(&stream, path));
    enum status status = OK;
    for (;;) {
        GUARD(json_stream_member(&stream, &member));
        if (!member.name) break;
        if (strcmp(member.name, "images") != 0 || member.kind != JSON_ARRAY) continue;
        for (;;) {
            GUARD(json_stream_element(&stream, &element));
            if (!element.bytes) break;
            GUARD(keep_name(&stream, &element, ids, n, names));
        }
    }
done:
    json_stream_close(&stream);
    return status;
}

// Inside of train/config*.c: the tables behind the keys.
#ifndef TARN_TRAIN_CONFIG_SECTIONS_H
#define TARN_TRAIN_CONFIG_SECTIONS_H

#include "train/config.h"

#ifdef __cplusplus
extern "C" {
#endif

struct config_section {
    const char *name;
    const char *summary;
    const struct field *fields; // of struct config
};
extern const struct config_section config_sections[]; // name NULL after the last
extern const struct field config_pool_fields[];       // of struct config_pool

enum { CONFIG_KEY_BYTES = 256 };

// One key and where its value lies. ERR_USAGE with the nearest key for an unknown one.
struct config_place {
    const struct field *table; // the field's own entry
    void *object;
    struct config_pool *pool; // NULL: not a pool's key
};
enum status config_find(struct config *config, const char *key,
                        struct config_place *place) MUST_USE;

// "train", "backbone.pool", "backbone.pool.stem": keys that hold other keys.
bool config_is_group(const char *key);
bool config_is_pool_site(const char *key);

enum status config_set_json(struct config *config, const char *key,
                            const struct cJSON *value) MUST_USE;

// Every member of an object: keys, dotted or nested. A pool's type is set before its parameters,
// whatever their order.
enum status config_set_members(struct config *config, const struct cJSON *members) MUST_USE;

// One line "key: A -> B" for each value of `to` that differs in `from`; adds their number to
// *n_different. `stream` may be NULL.
void config_compare_json(const struct cJSON *from, const struct cJSON *to, FILE *stream,
                         int *n_different);

#ifdef __cplusplus
}
#endif
#endif

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "coco/survey_parts.h"

struct team {
    const struct survey_options *options;
    const char *what;
    size_t n;
    enum status (*work)(void *context, int thread, size_t i);
    void *context;
    atomic_size_t next;
    pthread_mutex_t mutex; // of the rest
    enum status status;
    char message[1024];
};

struct member {
    struct team *team;
    int index;
    pthread_t thread;
};

static void note(struct team *team, enum status status)
{
    pthread_mutex_lock(&team->mutex);
    if (team->status == OK) {
        team->status = status;
        snprintf(team->message, sizeof team->message, "%s", fail_message());
    }
    pthread_mutex_unlock(&team->mutex);
    atomic_store(&team->next, team->n);
}

static void *run(void *argument)
{
    const struct member *member = (const struct member *)argument;
    struct team *team = member->team;
    for (;;) {
        size_t i = atomic_fetch_add(&team->next, 1);
        if (i >= team->n) return NULL;
        enum status status = team->work(team->context, member->index, i);
        if (status != OK) note(team, status);
        if (member->index == 0 && team->options->progress)
            team->options->progress(team->options->context, team->what, i + 1, team->n);
    }
}

enum status survey_parallel(const struct survey_options *options, const char *what, size_t n,
                            enum status (*work)(void *context, int thread, size_t i), void *context)
{
    struct team team = {.options = options, .what = what, .n = n, .work = work, .context = context};
    int n_members = options->n_threads, n_started = 1;
    struct member *members = (struct member *)mem_alloc((size_t)n_members, sizeof *members);
    if (!members) return ERR_MEMORY;
    pthread_mutex_init(&team.mutex, NULL);
    for (int i = 0; i < n_members; i++) members[i] = (struct member){.team = &team, .index = i};
    // A thread that cannot be had is one fewer: the work is done all the same.
    while (n_started < n_members &&
           pthread_create(&members[n_started].thread, NULL, run, &members[n_started]) == 0)
        n_started++;
    run(&members[0]);
    for (int i = 1; i < n_started; i++) pthread_join(members[i].thread, NULL);
    pthread_mutex_destroy(&team.mutex);
    mem_free(members);
    return team.status == OK ? OK : fail(team.status, "%s", team.message);
}

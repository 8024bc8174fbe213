#include "base/queue.h"

#include <pthread.h>

#include "base/mem.h"

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty;
    void **items; // ring
    size_t capacity, first, length;
    bool is_closed;
};

enum status queue_create(size_t capacity, struct queue **queue)
{
    struct queue *q = (struct queue *)mem_alloc(1, sizeof *q);
    if (!q) return ERR_MEMORY;
    q->capacity = capacity ? capacity : 1;
    q->items = (void **)mem_alloc(q->capacity, sizeof *q->items);
    if (!q->items) {
        mem_free(q);
        return ERR_MEMORY;
    }
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    *queue = q;
    return OK;
}

void queue_destroy(struct queue *queue)
{
    if (!queue) return;
    pthread_cond_destroy(&queue->not_empty);
    pthread_cond_destroy(&queue->not_full);
    pthread_mutex_destroy(&queue->mutex);
    mem_free(queue->items);
    mem_free(queue);
}

bool queue_push(struct queue *queue, void *item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->length == queue->capacity && !queue->is_closed)
        pthread_cond_wait(&queue->not_full, &queue->mutex);
    bool is_open = !queue->is_closed;
    if (is_open) {
        queue->items[(queue->first + queue->length++) % queue->capacity] = item;
        pthread_cond_signal(&queue->not_empty);
    }
    pthread_mutex_unlock(&queue->mutex);
    return is_open;
}

bool queue_pop(struct queue *queue, void **item)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->length == 0 && !queue->is_closed)
        pthread_cond_wait(&queue->not_empty, &queue->mutex);
    bool has_item = queue->length > 0;
    if (has_item) {
        *item = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->length--;
        pthread_cond_signal(&queue->not_full);
    }
    pthread_mutex_unlock(&queue->mutex);
    return has_item;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->not_full);
    pthread_cond_broadcast(&queue->not_empty);
    pthread_mutex_unlock(&queue->mutex);
}

size_t queue_length(struct queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    size_t length = queue->length;
    pthread_mutex_unlock(&queue->mutex);
    return length;
}

// A bounded first-in first-out queue of pointers between threads.
#ifndef TARN_BASE_QUEUE_H
#define TARN_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct queue;

enum status queue_create(size_t capacity, struct queue **queue) MUST_USE; // capacity >= 1
void queue_destroy(struct queue *queue); // no thread may be in a call; items are not touched

// Waits while full. False, with the item not taken, once the queue is closed.
bool queue_push(struct queue *queue, void *item) MUST_USE;

// Waits while empty. False once the queue is closed and empty.
bool queue_pop(struct queue *queue, void **item) MUST_USE;

// Wakes everybody: pushes fail from now on, pops empty the queue and then fail.
void queue_close(struct queue *queue);

size_t queue_length(struct queue *queue);

#ifdef __cplusplus
}
#endif
#endif

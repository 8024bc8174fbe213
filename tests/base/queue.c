#include "base/queue.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>

#include "base/mem.h"

Test(queue, keeps_order_and_length)
{
    struct queue *queue;
    int items[5];
    void *item;
    cr_assert_eq(queue_create(3, &queue), OK);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) cr_expect(queue_push(queue, &items[i]));
        cr_expect_eq(queue_length(queue), 3u);
        for (int i = 0; i < 3; i++) {
            cr_expect(queue_pop(queue, &item));
            cr_expect_eq(item, &items[i]);
        }
    }
    queue_destroy(queue);
}

Test(queue, close_lets_pops_empty_it)
{
    struct queue *queue;
    int items[2];
    void *item;
    cr_assert_eq(queue_create(2, &queue), OK);
    cr_expect(queue_push(queue, &items[0]));
    queue_close(queue);
    cr_expect_not(queue_push(queue, &items[1]));
    cr_expect(queue_pop(queue, &item));
    cr_expect_eq(item, &items[0]);
    cr_expect_not(queue_pop(queue, &item));
    queue_destroy(queue);
    queue_destroy(NULL);
}

enum { N_THREADS = 4, N_ITEMS = 5000 };

struct worker {
    struct queue *queue;
    uintptr_t first;
    uint64_t sum;
    size_t n;
};

static void *produce(void *argument)
{
    struct worker *worker = (struct worker *)argument;
    for (uintptr_t i = 0; i < N_ITEMS; i++)
        if (!queue_push(worker->queue, (void *)(worker->first + i))) return NULL;
    return NULL;
}

static void *consume(void *argument)
{
    struct worker *worker = (struct worker *)argument;
    void *item;
    while (queue_pop(worker->queue, &item)) {
        worker->sum += (uintptr_t)item;
        worker->n++;
    }
    return NULL;
}

Test(queue, many_threads_lose_and_double_nothing)
{
    struct queue *queue;
    pthread_t producers[N_THREADS], consumers[N_THREADS];
    struct worker in[N_THREADS] = {{0}}, out[N_THREADS] = {{0}};
    cr_assert_eq(queue_create(7, &queue), OK);
    for (uintptr_t i = 0; i < N_THREADS; i++) {
        in[i] = (struct worker){.queue = queue, .first = 1 + i * N_ITEMS};
        out[i].queue = queue;
        pthread_create(&producers[i], NULL, produce, &in[i]);
        pthread_create(&consumers[i], NULL, consume, &out[i]);
    }
    for (int i = 0; i < N_THREADS; i++) pthread_join(producers[i], NULL);
    queue_close(queue);
    uint64_t sum = 0, n = 0, all = N_THREADS * N_ITEMS;
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(consumers[i], NULL);
        sum += out[i].sum;
        n += out[i].n;
    }
    cr_expect_eq(n, all);
    cr_expect_eq(sum, all * (all + 1) / 2);
    queue_destroy(queue);
}

Test(queue, close_wakes_who_waits)
{
    struct queue *queue;
    pthread_t producer, consumer;
    struct worker in = {.first = 1}, out = {0};
    cr_assert_eq(queue_create(1, &queue), OK);
    in.queue = queue;
    pthread_create(&producer, NULL, produce, &in); // waits with a full queue
    while (queue_length(queue) == 0) continue;
    queue_close(queue);
    pthread_join(producer, NULL);
    queue_destroy(queue);
    cr_assert_eq(queue_create(1, &queue), OK);
    out.queue = queue;
    pthread_create(&consumer, NULL, consume, &out); // waits with an empty queue
    queue_close(queue);
    pthread_join(consumer, NULL);
    cr_expect_eq(out.n, 0u);
    queue_destroy(queue);
}

Test(queue, allocation_failures)
{
    for (size_t nth = 1; nth <= 2; nth++) {
        struct queue *queue = NULL;
        mem_fail_at(nth, false);
        cr_expect_eq(queue_create(3, &queue), ERR_MEMORY);
        cr_expect_null(queue);
    }
}

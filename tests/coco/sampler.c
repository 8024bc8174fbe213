#include "coco/sampler.h"

#include <criterion/criterion.h>
#include <string.h>

// A data set of n images: every third one is tall, every fifth one is empty.
enum { N = 31, BATCH = 4 };

static struct coco_image images[N];
static struct coco_object objects[N];
static char path[] = "made-up.json";

static struct coco_dataset make_dataset(void)
{
    for (size_t i = 0; i < N; i++)
        images[i] = (struct coco_image){.id = (int64_t)i,
                                        .width = 20,
                                        .height = i % 3 ? 10 : 30,
                                        .first = i,
                                        .n_objects = i % 5 ? 1 : 0};
    return (struct coco_dataset){
        .path = path, .images = images, .n_images = N, .objects = objects, .n_objects = N};
}

static struct sampler *make(const struct coco_dataset *dataset, bool shuffle, bool group,
                            bool keep_empty, uint64_t seed)
{
    struct sampler *sampler;
    struct sampler_config config = {.dataset = dataset,
                                    .batch_size = BATCH,
                                    .shuffle = shuffle,
                                    .group_by_aspect = group,
                                    .keep_empty = keep_empty,
                                    .seed = seed};
    cr_assert_eq(sampler_create(&config, &sampler), OK);
    return sampler;
}

Test(sampler, one_pass_in_order)
{
    struct coco_dataset dataset = make_dataset();
    struct sampler *sampler = make(&dataset, false, true, true, 0);
    size_t indices[BATCH], expected = 0;
    int n;
    do {
        sampler_next(sampler, indices, &n);
        for (int i = 0; i < n; i++) cr_expect_eq(indices[i], expected++);
    } while (n > 0);
    cr_expect_eq(expected, N);
    sampler_next(sampler, indices, &n);
    cr_expect_eq(n, 0);
    sampler_destroy(sampler);
}

Test(sampler, epochs_are_permutations_that_differ)
{
    struct coco_dataset dataset = make_dataset();
    struct sampler *sampler = make(&dataset, true, false, true, 3);
    size_t order[4 * N + BATCH];
    int n = 0, got, same = 0;
    while (n < 4 * N) {
        sampler_next(sampler, order + n, &got);
        cr_assert_eq(got, BATCH);
        n += got;
    }
    for (int epoch = 0; epoch < 4; epoch++) {
        int counts[N] = {0};
        for (int i = 0; i < N; i++) {
            counts[order[epoch * N + i]]++;
            same += order[epoch * N + i] == order[i];
        }
        for (int i = 0; i < N; i++) cr_expect_eq(counts[i], 1);
    }
    cr_expect_lt(same, N + 20);
    sampler_destroy(sampler);
}

Test(sampler, groups_hold_one_aspect_and_lose_nothing)
{
    struct coco_dataset dataset = make_dataset();
    struct sampler *sampler = make(&dataset, true, true, true, 3);
    int counts[N] = {0}, n;
    enum { ROUNDS = 200 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t indices[BATCH];
        sampler_next(sampler, indices, &n);
        for (int i = 0; i < BATCH; i++) {
            cr_expect_eq(indices[i] % 3 == 0, indices[0] % 3 == 0);
            counts[indices[i]]++;
        }
    }
    // Every image once an epoch; at most two epochs are open at a time.
    for (int i = 0; i < N; i++)
        cr_expect(counts[i] >= ROUNDS * BATCH / N - 1 && counts[i] <= ROUNDS * BATCH / N + 2);
    sampler_destroy(sampler);
}

Test(sampler, order_depends_on_the_seed_alone)
{
    struct coco_dataset dataset = make_dataset();
    struct sampler *a = make(&dataset, true, true, true, 8),
                   *b = make(&dataset, true, true, true, 8);
    struct sampler *c = make(&dataset, true, true, true, 9);
    int n, differing = 0;
    for (int round = 0; round < 50; round++) {
        size_t from_a[BATCH], from_b[BATCH], from_c[BATCH];
        sampler_next(a, from_a, &n);
        sampler_next(b, from_b, &n);
        sampler_next(c, from_c, &n);
        cr_expect_eq(memcmp(from_a, from_b, sizeof from_a), 0);
        differing += memcmp(from_a, from_c, sizeof from_a) != 0;
    }
    cr_expect_gt(differing, 40);
    sampler_destroy(a);
    sampler_destroy(b);
    sampler_destroy(c);
}

Test(sampler, empty_images_are_left_out_on_request)
{
    struct coco_dataset dataset = make_dataset();
    objects[1].is_crowd = true;
    struct sampler *sampler = make(&dataset, true, false, false, 3);
    cr_expect_eq(sampler_n_images(sampler), N - 7 - 1, "of multiples of five, and of crowds alone");
    for (int round = 0; round < 50; round++) {
        size_t indices[BATCH];
        int n;
        sampler_next(sampler, indices, &n);
        for (int i = 0; i < n; i++) cr_expect(indices[i] % 5 != 0 && indices[i] != 1);
    }
    sampler_destroy(sampler);
}

Test(sampler, nothing_to_train_on_is_an_error)
{
    struct coco_dataset dataset = {.path = path};
    struct sampler *sampler = NULL;
    struct sampler_config config = {.dataset = &dataset, .batch_size = 1, .shuffle = true};
    cr_expect_eq(sampler_create(&config, &sampler), ERR_DATA);
    cr_expect(strstr(fail_message(), "made-up.json: no images to train on") != NULL);
}

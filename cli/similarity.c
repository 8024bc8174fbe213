#include "cli/similarity.h"

#include <string.h>

#include "cli/pool_image.h"

static enum status add_view(const struct float_image *a, const struct float_image *b, int view,
                            struct similarity *sum)
{
    double ssim;
    TRY(float_image_ssim(a, b, &ssim));
    sum->ssim[view] += ssim;
    sum->psnr[view] += float_image_psnr(a, b);
    return OK;
}

static enum status add_up(const struct float_image *pooled, const struct float_image *original,
                          int k, struct similarity *sum)
{
    struct float_image large;
    TRY(float_image_up_nearest(pooled, k, &large));
    enum status status = add_view(&large, original, 0, sum);
    float_image_free(&large);
    if (status != OK) return status;
    TRY(float_image_up_bilinear(pooled, k, &large));
    status = add_view(&large, original, 1, sum);
    float_image_free(&large);
    return status;
}

// One image and kernel for all pools. Pooling is parallel by itself, measuring is not.
static enum status measure_one(const struct similarity_job *job, struct tape *tape,
                               const struct float_image *original, int kernel,
                               struct similarity *results)
{
    struct float_image pooled[POOL_CHOICE_MAX] = {{0, 0, NULL}}, small = {0, 0, NULL};
    int k = (int)job->kernels[kernel];
    enum status status = OK;
    for (int i = 0; i < job->n_pools; i++) {
        struct similarity *sum = &results[i * job->n_kernels + kernel];
        if (sum->is_refused) continue;
        status = pool_image(&job->pools[i], tape, original, k, job->draws, &pooled[i]);
        sum->is_refused = status == ERR_USAGE;
        if (status != OK && status != ERR_USAGE) goto done;
    }
    status = OK;
    if (job->protocol == SIMILARITY_DOWN) GUARD(float_image_down_cubic(original, k, &small));
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < job->n_pools; i++) {
        struct similarity *sum = &results[i * job->n_kernels + kernel];
        if (sum->is_refused) continue;
        enum status one = job->protocol == SIMILARITY_UP ? add_up(&pooled[i], original, k, sum)
                                                         : add_view(&pooled[i], &small, 0, sum);
        if (one == OK) continue;
#pragma omp critical
        status = fail(one, "out of memory while images are compared");
    }
done:
    for (int i = 0; i < job->n_pools; i++) float_image_free(&pooled[i]);
    float_image_free(&small);
    return status;
}

static enum status measure_image(const struct similarity_job *job, struct tape *tape,
                                 const char *path, struct similarity *results)
{
    struct image image;
    enum status status = OK;
    TRY(image_load(path, EXIF_IGNORE, &image, NULL));
    for (int i = 0; i < job->n_kernels; i++) {
        struct float_image original;
        int k = (int)job->kernels[i], width = image.width / k, height = image.height / k;
        int least = job->protocol == SIMILARITY_DOWN ? SSIM_WINDOW : (SSIM_WINDOW + k - 1) / k;
        if (width < least || height < least) {
            status = fail(ERR_USAGE, "%s: %dx%d pixels are too few for kernel %d", path,
                          image.width, image.height, k);
            goto done;
        }
        GUARD(float_image_from(&image, width * k, height * k, &original));
        status = measure_one(job, tape, &original, i, results);
        float_image_free(&original);
        if (status != OK) goto done;
    }
done:
    image_free(&image);
    return status;
}

enum status similarity_measure(const struct similarity_job *job, struct similarity *results)
{
    struct backend *backend = NULL;
    struct tape *tape = NULL;
    enum status status = OK;
    int n = job->n_pools * job->n_kernels;
    memset(results, 0, (size_t)n * sizeof *results);
    GUARD(backend_create_cpu(0, &backend));
    GUARD(tape_create(backend, &tape));
    tape->seed = job->seed;
    for (size_t i = 0; i < job->images.n; i++) {
        tape->step = (uint32_t)i;
        GUARD(measure_image(job, tape, job->images.paths[i], results));
    }
    for (int i = 0; i < n; i++)
        for (int view = 0; view < SIMILARITY_VIEWS; view++) {
            results[i].ssim[view] /= (double)job->images.n;
            results[i].psnr[view] /= (double)job->images.n;
        }
done:
    tape_destroy(tape);
    backend_destroy(backend);
    return status;
}

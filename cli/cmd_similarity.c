#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/cmd_pools.h"
#include "cli/command.h"
#include "cli/similarity.h"

enum { MAX_KERNELS = 8, MAX_KERNEL = 64 };

struct options {
    char images[FIELD_STRING_BYTES], pools[FIELD_STRING_BYTES], json[FIELD_STRING_BYTES];
    struct field_ints kernels;
    int protocol, random;
    int64_t seed;
};

static const struct field fields[] = {
    {"images", FIELD_STRING, offsetof(struct options, images), "", 0, 0, NULL,
     "Folder of PNG and JPEG images."},
    {"kernels", FIELD_INTS, offsetof(struct options, kernels), "2,3,5", 1, MAX_KERNEL, NULL,
     "Sides of the windows; the stride is the same."},
    {"protocol", FIELD_CHOICE, offsetof(struct options, protocol), "up", 0, 0, "up|down",
     "up: the pooled image is enlarged and compared with the original; down: it is compared with "
     "the original reduced by cubic convolution without aliasing."},
    {"pools", FIELD_STRING, offsetof(struct options, pools), "", 0, 0, NULL,
     "Pools to compare, e.g. max,soft,soft:beta=3; default: all."},
    {"random", FIELD_CHOICE, offsetof(struct options, random), "draw", 0, 0, "draw|evaluate",
     "Random pools draw, as in training, or do what they do in evaluation."},
    {"seed", FIELD_INT, offsetof(struct options, seed), "1", 0, 1e9, NULL, "Of those draws."},
    {"json", FIELD_STRING, offsetof(struct options, json), "", 0, 0, NULL,
     "Write the numbers as JSON too."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "pools similarity",
    .arguments = "--images DIR [--kernels 2,3,5] [--protocol up|down] [--pools LIST] [--json F]",
    .summary = "SSIM and PSNR of pooled images, for each pool and kernel, means over a folder's\n"
               "images. Trainable parameters have their initial values.",
    .options = fields,
    .no_assignments = true,
};

static const char *const view_names[2][SIMILARITY_VIEWS] = {{"nearest", "bilinear"}, {"", ""}};

static bool is_image(const char *path)
{
    const char *extension = path_extension(path);
    return strcasecmp(extension, ".png") == 0 || strcasecmp(extension, ".jpg") == 0 ||
           strcasecmp(extension, ".jpeg") == 0;
}

static enum status find_images(const char *folder, struct path_list *list)
{
    size_t n = 0;
    TRY(folder_list(folder, list));
    for (size_t i = 0; i < list->n; i++) {
        if (is_image(list->paths[i]))
            list->paths[n++] = list->paths[i];
        else
            mem_free(list->paths[i]);
    }
    list->n = n;
    if (n > 0) return OK;
    path_list_free(list);
    return fail(ERR_USAGE, "--images: %s holds no PNG or JPEG files", folder);
}

static int n_views(const struct similarity_job *job)
{
    return job->protocol == SIMILARITY_UP ? 2 : 1;
}

static void print_protocol(const struct similarity_job *job)
{
    printf("%zu images, RGB in 0..1, cropped to multiples of the kernel; windows of k x k, stride "
           "k, no padding\n",
           job->images.n);
    if (job->protocol == SIMILARITY_UP)
        printf("protocol up: pooled, then enlarged k times (nearest, bilinear), against the "
               "original\n");
    else
        printf("protocol down: pooled, against the original reduced by cubic convolution (a = "
               "-1/2, antialiased)\n");
    printf("SSIM: Gaussian windows 11x11, deviation 1.5, K1 0.01, K2 0.03, range 1, mean of the "
           "channels\nPSNR in dB, peak 1; values are not clipped; means over images\n"
           "trainable parameters have their initial values; random pools %s\n\n",
           job->draws ? "draw as in training" : "do what they do in evaluation");
}

static void print_head(const struct similarity_job *job)
{
    int views = n_views(job);
    printf("%-22s", "");
    for (int i = 0; i < job->n_kernels; i++)
        for (int view = 0; view < views; view++) {
            char title[32];
            snprintf(title, sizeof title, "k=%ld %s", job->kernels[i],
                     view_names[job->protocol][view]);
            printf("  %-12s", title);
        }
    printf("\n%-22s", "pool");
    for (int i = 0; i < job->n_kernels * views; i++) printf("   SSIM   PSNR");
    printf("\n");
}

static void print_row(const struct similarity_job *job, int pool, const struct similarity *results)
{
    printf("%-22.22s", job->pools[pool].label);
    for (int i = 0; i < job->n_kernels; i++) {
        const struct similarity *s = &results[pool * job->n_kernels + i];
        for (int view = 0; view < n_views(job); view++)
            if (s->is_refused)
                printf("      -      -");
            else
                printf("  %5.3f %6.2f", s->ssim[view], s->psnr[view]);
    }
    printf("\n");
}

// Best SSIM of the first kernel first; what refuses it comes last.
static void rank(const struct similarity_job *job, const struct similarity *results,
                 int order[POOL_CHOICE_MAX])
{
    for (int i = 0; i < job->n_pools; i++) {
        const struct similarity *s = &results[i * job->n_kernels];
        int at = i;
        for (; at > 0; at--) {
            const struct similarity *before = &results[order[at - 1] * job->n_kernels];
            bool is_better = !s->is_refused && (before->is_refused || s->ssim[0] > before->ssim[0]);
            if (!is_better) break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
}

static enum status save_json(const char *path, const struct similarity_job *job,
                             const struct similarity *results)
{
    struct file_writer writer;
    TRY(file_writer_begin(&writer, path));
    FILE *f = writer.stream;
    fprintf(f, "{\"protocol\": \"%s\", \"random\": \"%s\", \"seed\": %llu,\n \"images\": [",
            job->protocol == SIMILARITY_UP ? "up" : "down", job->draws ? "draw" : "evaluate",
            (unsigned long long)job->seed);
    for (size_t i = 0; i < job->images.n; i++) {
        fprintf(f, "%s", i ? ", " : "");
        json_write_string(f, path_base(job->images.paths[i]));
    }
    fprintf(f, "],\n \"results\": [");
    const char *separator = "";
    for (int i = 0; i < job->n_pools * job->n_kernels; i++) {
        const struct similarity *s = &results[i];
        for (int view = 0; view < n_views(job) && !s->is_refused; view++) {
            fprintf(f, "%s\n  {\"pool\": ", separator);
            json_write_string(f, job->pools[i / job->n_kernels].label);
            fprintf(f, ", \"kernel\": %ld, ", job->kernels[i % job->n_kernels]);
            if (n_views(job) > 1)
                fprintf(f, "\"enlarged\": \"%s\", ", view_names[job->protocol][view]);
            fprintf(f, "\"ssim\": %.9g, \"psnr\": ", s->ssim[view]);
            fprintf(f, isfinite(s->psnr[view]) ? "%.9g}" : "null}", s->psnr[view]);
            separator = ",";
        }
    }
    fprintf(f, "]}\n");
    return file_writer_commit(&writer);
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    struct similarity_job job = {.kernels = options->kernels.v,
                                 .n_kernels = options->kernels.n,
                                 .protocol = (enum similarity_protocol)options->protocol,
                                 .draws = options->random == 0,
                                 .seed = (uint64_t)options->seed};
    struct pool_choice *pools = NULL;
    struct similarity *results = NULL;
    int order[POOL_CHOICE_MAX];
    (void)arguments;
    TRY(command_needs(&help, "images", options->images));
    if (job.n_kernels < 1 || job.n_kernels > MAX_KERNELS)
        return fail(ERR_USAGE, "--kernels: %d of them, expected 1 to %d", job.n_kernels,
                    MAX_KERNELS);
    TRY(find_images(options->images, &job.images));
    enum status status = OK;
    pools = (struct pool_choice *)mem_alloc(POOL_CHOICE_MAX, sizeof *pools);
    results =
        (struct similarity *)mem_alloc((size_t)POOL_CHOICE_MAX * MAX_KERNELS, sizeof *results);
    if (!pools || !results) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(pool_choices_parse(options->pools, pools, &job.n_pools));
    job.pools = pools;
    GUARD(similarity_measure(&job, results));
    rank(&job, results, order);
    print_protocol(&job);
    print_head(&job);
    for (int i = 0; i < job.n_pools; i++) print_row(&job, order[i], results);
    if (options->json[0]) GUARD(save_json(options->json, &job, results));
done:
    mem_free(results);
    mem_free(pools);
    path_list_free(&job.images);
    return status;
}

enum status cmd_similarity(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}

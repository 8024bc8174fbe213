#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cmd_pools.h"
#include "cli/command.h"
#include "cli/pool_image.h"
#include "draw/canvas.h"
#include "draw/sheet.h"

enum { MAX_CELLS = POOL_CHOICE_MAX + 1 };

struct options {
    char output[FIELD_STRING_BYTES], pools[FIELD_STRING_BYTES], crop[FIELD_STRING_BYTES];
    int64_t kernel, repeat, columns, cell;
    int random;
};

static const struct field fields[] = {
    {"output", FIELD_STRING, offsetof(struct options, output), "", 0, 0, NULL,
     "Picture to write, .png or .jpg."},
    {"kernel", FIELD_INT, offsetof(struct options, kernel), "2", 1, 64, NULL,
     "Side of the windows; the stride is the same."},
    {"repeat", FIELD_INT, offsetof(struct options, repeat), "1", 1, 8, NULL,
     "Times that the image is pooled, one after another."},
    {"crop", FIELD_STRING, offsetof(struct options, crop), "", 0, 0, NULL,
     "Part of the image to take, WIDTHxHEIGHT+LEFT+TOP; default: all of it."},
    {"pools", FIELD_STRING, offsetof(struct options, pools), "", 0, 0, NULL,
     "Pools to show, e.g. max,soft,soft:beta=3; default: all."},
    {"random", FIELD_CHOICE, offsetof(struct options, random), "draw", 0, 0, "draw|evaluate",
     "Random pools draw, as in training, or do what they do in evaluation."},
    {"columns", FIELD_INT, offsetof(struct options, columns), "0", 0, 64, NULL,
     "Pictures in a row; 0: chosen by their number and shape."},
    {"cell", FIELD_INT, offsetof(struct options, cell), "280", 32, 4096, NULL,
     "Width of each picture in pixels, at least."},
    {.name = NULL},
};

static const struct command_help help = {
    .name = "pools picture",
    .arguments = "IMAGE --output F.png [--kernel K] [--repeat N] [--crop WxH+X+Y] [--pools LIST]",
    .summary =
        "Draws an image as each pooling layer leaves it, side by side; beside the names SSIM\n"
        "against the original (enlarged pixel by pixel). Trainable parameters have their\n"
        "initial values.",
    .options = fields,
    .min_paths = 1,
    .max_paths = 1,
    .no_assignments = true,
};

static enum status crop(const char *text, struct image *image)
{
    int w, h, left, top, used = 0;
    if (!text[0]) return OK;
    if (sscanf(text, "%6dx%6d+%6d+%6d%n", &w, &h, &left, &top, &used) != 4 || text[used] || w < 1 ||
        h < 1 || left < 0 || top < 0)
        return fail(ERR_USAGE, "--crop: '%.40s' is not WIDTHxHEIGHT+LEFT+TOP", text);
    if (left + w > image->width || top + h > image->height)
        return fail(ERR_USAGE, "--crop: %s does not fit into %dx%d", text, image->width,
                    image->height);
    for (int y = 0; y < h; y++)
        memmove(image->rgb + (size_t)y * (size_t)w * 3,
                image->rgb + ((size_t)(top + y) * (size_t)image->width + (size_t)left) * 3,
                (size_t)w * 3);
    image->width = w;
    image->height = h;
    return OK;
}

// Pools `repeat` times. ERR_USAGE where the pool refuses the window.
static enum status pool_often(const struct options *options, const struct pool_choice *choice,
                              struct tape *tape, const struct float_image *original,
                              struct float_image *out)
{
    struct float_image now = {0, 0, NULL}, next;
    for (int64_t i = 0; i < options->repeat; i++) {
        tape->step = (uint32_t)i;
        enum status status = pool_image(choice, tape, i ? &now : original, (int)options->kernel,
                                        options->random == 0, &next);
        float_image_free(&now);
        if (status != OK) return status;
        now = next;
    }
    *out = now;
    return OK;
}

struct picture {
    struct image images[MAX_CELLS];
    char notes[MAX_CELLS][160];
    struct sheet_cell cells[MAX_CELLS];
    struct pool_choice pools[POOL_CHOICE_MAX];
    int n_pools;
};

static enum status fill_cell(const struct options *options, struct tape *tape,
                             const struct float_image *original, struct picture *picture, int i)
{
    const struct pool_choice *choice = &picture->pools[i];
    struct float_image pooled = {0, 0, NULL}, large = {0, 0, NULL};
    double ssim;
    char *note = picture->notes[i + 1];
    enum status status = pool_often(options, choice, tape, original, &pooled);
    picture->cells[i + 1] = (struct sheet_cell){.label = choice->label, .note = note};
    if (status == ERR_USAGE) {
        snprintf(note, sizeof picture->notes[0], "%s", fail_message());
        return OK;
    }
    if (status != OK) goto done;
    GUARD(float_image_up_nearest(&pooled, original->width / pooled.width, &large));
    if (float_image_ssim(&large, original, &ssim) == OK)
        snprintf(note, sizeof picture->notes[0], "SSIM %.3f", ssim);
    GUARD(float_image_to(&pooled, &picture->images[i + 1]));
    picture->cells[i + 1].image = &picture->images[i + 1];
done:
    float_image_free(&pooled);
    float_image_free(&large);
    return status;
}

static enum status draw(const struct options *options, const char *name,
                        const struct float_image *original, struct picture *picture)
{
    struct backend *backend = NULL;
    struct tape *tape = NULL;
    struct image drawn;
    enum status status = OK;
    char title[256], subtitle[256];
    GUARD(backend_create_cpu(0, &backend));
    GUARD(tape_create(backend, &tape));
    tape->seed = 1;
    GUARD(float_image_to(original, &picture->images[0]));
    snprintf(picture->notes[0], sizeof picture->notes[0], "%dx%d", original->width,
             original->height);
    picture->cells[0] = (struct sheet_cell){"original", picture->notes[0], &picture->images[0]};
    for (int i = 0; i < picture->n_pools; i++)
        GUARD(fill_cell(options, tape, original, picture, i));

    snprintf(title, sizeof title, "%s, pooled", path_base(name));
    snprintf(subtitle, sizeof subtitle,
             options->repeat > 1 ? "windows of %dx%d, stride %d, %d times one after another"
                                 : "windows of %dx%d, stride %d",
             (int)options->kernel, (int)options->kernel, (int)options->kernel,
             (int)options->repeat);
    // Every pooled pixel becomes a square of whole picture elements, unless they are too many.
    int pooled = original->width, cell = (int)options->cell;
    for (int64_t i = 0; i < options->repeat; i++) pooled /= (int)options->kernel;
    int cell_width = (cell + pooled - 1) / pooled * pooled;
    if (cell_width > 2 * cell) cell_width = cell;
    struct sheet sheet = {
        .title = title,
        .subtitle = subtitle,
        .cells = picture->cells,
        .n_cells = (size_t)picture->n_pools + 1,
        .columns = (int)options->columns,
        .cell_width = cell_width,
        .cell_height = (int)((int64_t)cell_width * original->height / original->width),
    };
    GUARD(sheet_draw(&sheet, &drawn));
    status = canvas_save(options->output, &drawn);
    image_free(&drawn);
done:
    tape_destroy(tape);
    backend_destroy(backend);
    return status;
}

static enum status run(const void *context, const struct arguments *arguments)
{
    const struct options *options = (const struct options *)context;
    const char *path = arguments->paths[0];
    struct image image = {0, 0, NULL};
    struct float_image original = {0, 0, NULL};
    struct picture *picture = NULL;
    int64_t multiple = 1;
    enum status status = OK;
    TRY(command_needs(&help, "output", options->output));
    GUARD(image_load(path, EXIF_APPLY, &image, NULL));
    GUARD(crop(options->crop, &image));
    for (int64_t i = 0; i < options->repeat && multiple <= image.width; i++)
        multiple *= options->kernel;
    int width = (int)(image.width / multiple * multiple);
    int height = (int)(image.height / multiple * multiple);
    if (width < 1 || height < 1) {
        status = fail(ERR_USAGE, "%s: %dx%d pixels are too few to be pooled by %lld", path,
                      image.width, image.height, (long long)multiple);
        goto done;
    }
    GUARD(float_image_from(&image, width, height, &original));
    picture = (struct picture *)mem_alloc(1, sizeof *picture);
    if (!picture) {
        status = ERR_MEMORY;
        goto done;
    }
    GUARD(pool_choices_parse(options->pools, picture->pools, &picture->n_pools));
    GUARD(draw(options, path, &original, picture));
done:
    for (int i = 0; picture && i < MAX_CELLS; i++) image_free(&picture->images[i]);
    mem_free(picture);
    float_image_free(&original);
    image_free(&image);
    return status;
}

enum status cmd_picture(int argc, char **argv)
{
    struct options options;
    return command_run(&help, argc, argv, &options, run);
}

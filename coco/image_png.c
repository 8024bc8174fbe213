#include <png.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "coco/image_codec.h"

// All state lives here, not in locals that a longjmp would leave undefined.
struct reader {
    const uint8_t *bytes;
    size_t n_bytes, at;
    const char *name;
    struct image image;
    enum status status;
    png_structp png;
    png_infop info;
};

bool png_is(const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

enum status png_measure(const uint8_t *bytes, size_t n_bytes, const char *name, int *width,
                        int *height)
{
    enum { SIZES_AT = 16, SIZES_END = 24 };
    uint32_t sizes[2];
    if (n_bytes < SIZES_END) return fail(ERR_DATA, "%s: broken PNG: its head is cut off", name);
    for (int i = 0; i < 2; i++) {
        const uint8_t *b = bytes + SIZES_AT + 4 * i;
        sizes[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    if (sizes[0] < 1 || sizes[1] < 1 || sizes[0] > IMAGE_MAX_PIXELS / sizes[1])
        return fail(ERR_DATA, "%s: %u x %u pixels, at most 2^28 are read", name, sizes[0],
                    sizes[1]);
    *width = (int)sizes[0];
    *height = (int)sizes[1];
    return OK;
}

static void *png_allocate(png_structp png, png_alloc_size_t bytes)
{
    (void)png;
    return mem_alloc(bytes, 1);
}

static void png_release(png_structp png, void *block)
{
    (void)png;
    mem_free(block);
}

static _Noreturn void on_read_error(png_structp png, const char *message)
{
    struct reader *reader = (struct reader *)png_get_error_ptr(png);
    if (reader->status == OK)
        reader->status = fail(strstr(message, "memory") ? ERR_MEMORY : ERR_DATA,
                              "%s: broken PNG: %s", reader->name, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, const char *message)
{
    (void)png; // ancillary chunks: nothing that changes pixels
    (void)message;
}

static void read_bytes(png_structp png, png_bytep out, size_t n)
{
    struct reader *reader = (struct reader *)png_get_io_ptr(png);
    if (n > reader->n_bytes - reader->at) png_error(png, "unexpected end of file");
    memcpy(out, reader->bytes + reader->at, n);
    reader->at += n;
}

static void read_image(struct reader *reader)
{
    png_structp png = reader->png;
    png_infop info = reader->info;
    png_set_read_fn(png, reader, read_bytes);
    png_set_user_limits(png, IMAGE_MAX_PIXELS, IMAGE_MAX_PIXELS);
    // Only what makes up the pixels is read: other chunks may claim any length, and libpng would
    // allocate it.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, info);
    // Deflate expands at most 1032 times: a small file of a huge image is a broken one.
    uint64_t raw_bytes = (uint64_t)png_get_rowbytes(png, info) * png_get_image_height(png, info);
    if (raw_bytes / 1032 > reader->n_bytes) png_error(png, "unexpected end of file");
    reader->status = image_allocate(reader->name, png_get_image_width(png, info),
                                    png_get_image_height(png, info), &reader->image);
    if (reader->status != OK) return;
    png_set_expand(png); // palettes, fewer than 8 bits, transparent colours
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
    int n_passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t row_bytes = 3 * (size_t)reader->image.width;
    if (png_get_rowbytes(png, info) != row_bytes) png_error(png, "unknown kind of pixels");
    for (int pass = 0; pass < n_passes; pass++)
        for (int y = 0; y < reader->image.height; y++)
            png_read_row(png, reader->image.rgb + (size_t)y * row_bytes, NULL);
    png_read_end(png, NULL);
}

enum status png_decode(const uint8_t *bytes, size_t n_bytes, const char *name, struct image *image)
{
    struct reader reader = {.bytes = bytes, .n_bytes = n_bytes, .name = name};
    reader.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &reader, on_read_error, on_warning,
                                          NULL, png_allocate, png_release);
    if (!reader.png) return fail(ERR_MEMORY, "%s: out of memory", name);
    reader.info = png_create_info_struct(reader.png);
    if (!reader.info)
        reader.status = fail(ERR_MEMORY, "%s: out of memory", name);
    else if (setjmp(png_jmpbuf(reader.png)) == 0)
        read_image(&reader);
    png_destroy_read_struct(&reader.png, &reader.info, NULL);
    if (reader.status != OK) {
        image_free(&reader.image);
        return reader.status;
    }
    *image = reader.image;
    return OK;
}

struct writer {
    struct file_writer file;
    png_structp png;
    png_infop info;
    char message[128];
};

static _Noreturn void on_write_error(png_structp png, const char *message)
{
    struct writer *writer = (struct writer *)png_get_error_ptr(png);
    snprintf(writer->message, sizeof writer->message, "%s", message);
    png_longjmp(png, 1);
}

static void write_image(struct writer *writer, const struct image *image)
{
    png_structp png = writer->png;
    png_init_io(png, writer->file.stream);
    png_set_IHDR(png, writer->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, writer->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->rgb + (size_t)y * 3 * (size_t)image->width);
    png_write_end(png, NULL);
}

enum status image_save_png(const char *path, const struct image *image)
{
    struct writer writer = {.message = ""};
    TRY(file_writer_begin(&writer.file, path));
    snprintf(writer.message, sizeof writer.message, "out of memory");
    writer.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &writer, on_write_error,
                                           on_warning, NULL, png_allocate, png_release);
    if (writer.png) writer.info = png_create_info_struct(writer.png);
    if (writer.info && setjmp(png_jmpbuf(writer.png)) == 0) {
        write_image(&writer, image);
        writer.message[0] = 0;
    }
    png_destroy_write_struct(&writer.png, &writer.info);
    if (writer.message[0]) {
        enum status status = fail(ERR_IO, "%s: cannot write: %s", path, writer.message);
        file_writer_abort(&writer.file);
        return status;
    }
    return file_writer_commit(&writer.file);
}

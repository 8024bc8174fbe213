#!/usr/bin/env python3
"""Makes tests/coco/golden: small image files with the pixels that Pillow reads from them (.ppm),
and resize.txt, bilinear resizing as torch does it.  Needs torch and Pillow; the tests need neither.

    python3 tools/golden_images.py
"""
import io
import os
import struct
import zlib

import PIL
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "coco", "golden")
WIDTH, HEIGHT = 19, 13


def picture(width=WIDTH, height=HEIGHT):
    """Smooth enough to survive JPEG, different in every corner."""
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            image.putpixel((x, y), (x * 255 // (width - 1), y * 255 // (height - 1),
                                    (x + y) * 255 // (width + height - 2)))
    return image


def write(name, data, expected):
    with open(os.path.join(OUT, name), "wb") as file:
        file.write(data)
    expected.convert("RGB").save(os.path.join(OUT, name.rsplit(".", 1)[0] + ".ppm"))


def encode(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def keep(name, image, **options):
    data = encode(image, **options)
    write(name, data, Image.open(io.BytesIO(data)))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_16(name, channels):
    """16-bit samples, which Pillow cannot write; of each the upper 8 bits are expected."""
    source, rows = picture(), b""
    for y in range(HEIGHT):
        rows += b"\0"
        for x in range(WIDTH):
            for value in source.getpixel((x, y))[:channels]:
                rows += struct.pack(">H", value * 256 + 77)
    kind = {1: 0, 3: 2}[channels]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, kind, 0, 0, 0)
    data = (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    write(name, data, source if channels == 3 else source.getchannel(0))


def images():
    rgb = picture()
    keep("rgb_444.jpg", rgb, format="JPEG", quality=92, subsampling=0)
    keep("rgb_420.jpg", rgb, format="JPEG", quality=85, subsampling=2)
    keep("progressive.jpg", rgb, format="JPEG", quality=85, progressive=True)
    keep("grey.jpg", rgb.convert("L"), format="JPEG", quality=90)
    cmyk = Image.merge("CMYK", [*rgb.split(), rgb.convert("L").point(lambda v: v // 2)])
    keep("cmyk.jpg", cmyk, format="JPEG", quality=92)
    keep("rgb.png", rgb, format="PNG")
    keep("grey8.png", rgb.convert("L"), format="PNG")
    keep("bits1.png", rgb.convert("1"), format="PNG")
    keep("palette.png", rgb.quantize(16), format="PNG")
    alpha = rgb.convert("RGBA")
    alpha.putalpha(rgb.getchannel(0))
    keep("alpha.png", alpha, format="PNG")
    keep("grey_alpha.png", Image.merge("LA", [rgb.getchannel(1), rgb.getchannel(0)]), format="PNG")
    png_16("rgb16.png", 3)
    png_16("grey16.png", 1)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encode(rgb, format="JPEG", quality=92, subsampling=0, exif=exif.tobytes())
        write(f"exif{orientation}.jpg", data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(rgb, format="PNG", exif=exif.tobytes())
    write("exif6_png.png", data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))))


def resizing():
    """Cases: width height new_width new_height flip, then the values by row, pixel, channel."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    cases = [(7, 5, 13, 9, 0), (7, 5, 13, 9, 1), (13, 9, 5, 4, 0), (1, 1, 3, 2, 0),
             (1, 6, 4, 3, 0), (5, 1, 11, 2, 1), (8, 8, 8, 8, 0), (8, 8, 8, 8, 1),
             (31, 17, 6, 16, 0), (10, 3, 33, 10, 0)]
    with open(os.path.join(OUT, "resize.txt"), "w", encoding="ascii") as file:
        for width, height, new_width, new_height, flip in cases:
            x = torch.arange(width).view(1, 1, width)
            y = torch.arange(height).view(1, height, 1)
            c = torch.arange(3).view(3, 1, 1)
            pixels = ((x * 37 + y * 101 + c * 59 + x * y * 7) % 256).to(torch.uint8)
            image = (pixels.float() / 255 - mean) / deviation
            if flip:
                image = image.flip(-1)
            resized = F.interpolate(image[None], size=(new_height, new_width), mode="bilinear",
                                    align_corners=False)[0]
            file.write(f"{width} {height} {new_width} {new_height} {flip}\n")
            values = resized.permute(1, 2, 0).flatten().tolist()
            file.write("\n".join(" ".join(f"{v:.9g}" for v in values[i:i + 8])
                                 for i in range(0, len(values), 8)) + "\n")


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    images()
    resizing()
    print(f"torch {torch.__version__}, Pillow {PIL.__version__}")

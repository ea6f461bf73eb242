"""Pictures in the formats that PNG code in the tests cannot make, and their RGB values as Pillow reads them.

    pip install pillow numpy && python3 make.py

Pillow turns CMYK into RGB without profiles, and does not turn pictures by EXIF: for those it is asked to (exif_transpose).
"""

import base64
import json
import os

import numpy as np
from PIL import Image, ImageOps

os.chdir(os.path.dirname(os.path.abspath(__file__)))
HEIGHT, WIDTH = 6, 8
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
rgb = np.stack([30 * x, 40 * y, 255 - 15 * (x + y)], axis=-1).astype(np.uint8)
picture = Image.fromarray(rgb)

picture.save("baseline.jpg", quality=90)
picture.save("progressive.jpg", quality=90, progressive=True)
picture.convert("L").save("grey.jpg", quality=90)
picture.convert("CMYK").save("cmyk.jpg", quality=95)
# The same numbers, but said to be luma, two colour differences and black: byte 11 of the Adobe marker.
ycck = bytearray(open("cmyk.jpg", "rb").read())
ycck[ycck.index(b"Adobe") + 11] = 2
open("ycck.jpg", "wb").write(ycck)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = orientation
    picture.save(f"orientation-{orientation}.jpg", quality=90, exif=exif)
picture.save("lossless.webp", lossless=True)
picture.save("lossy.webp", quality=80)
picture.save("animated.webp", lossless=True, save_all=True, append_images=[picture.rotate(180)])
picture.quantize(16).save("palette.gif")
picture.quantize(16).save("animated.gif", save_all=True, append_images=[picture.rotate(180).quantize(16)])
picture.save("rgb.bmp")
picture.convert("L").save("grey.bmp")
picture.quantize(16).save("palette.bmp")
picture.save("still.avif", quality=90)

expected = {}
for name in sorted(os.listdir(".")):
    if name.endswith((".py", ".json")):
        continue
    image = ImageOps.exif_transpose(Image.open(name)).convert("RGB")
    expected[name] = {"width": image.width, "height": image.height, "rgb": base64.b64encode(image.tobytes()).decode()}
json.dump(expected, open("expected.json", "w"), indent=0)

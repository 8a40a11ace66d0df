"""Paint beyond a picture's edge: `python examples/extend.py circle.png 0,0,128,0 "what it shows"`.

The border (left, top, right, bottom, in pixels) is transparent, and transparent is what an edit
paints. Pixels of the old picture stay as they are.
"""

from __future__ import annotations

import base64
import sys
from io import BytesIO
from pathlib import Path

from openai import OpenAI
from PIL import Image, ImageOps


def main(path: str, border: str, prompt: str, url: str = "http://127.0.0.1:8034/v1") -> None:
    left, top, right, bottom = map(int, border.split(","))
    canvas = ImageOps.expand(
        Image.open(path).convert("RGBA"), (left, top, right, bottom), fill=(0, 0, 0, 0)
    )
    file = BytesIO()
    canvas.save(file, "png")
    client = OpenAI(base_url=url, api_key="none")
    made = client.images.edit(image=("canvas.png", file.getvalue()), prompt=prompt)
    for picture in made.data or []:
        Path("extended.png").write_bytes(base64.b64decode(picture.b64_json or ""))
        print("extended.png")


if __name__ == "__main__":
    main(*sys.argv[1:])

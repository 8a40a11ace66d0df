"""What the page reads from files that are dropped on it: ours, those of others, and broken ones."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from limner.core.image import FORMATS, ImageData, ImageFormat
from limner.core.picture_facts import PictureFacts
from limner.wire.picture_metadata import strip, write
from tests.pictures import picture

MODULE = Path(__file__).parents[2] / "src/limner/web/lib/metadata.js"
READ = """
import { readFileSync } from "node:fs";
import { readMetadata } from "%s";
const files = JSON.parse(readFileSync(0));
const read = (text) => readMetadata(new Uint8Array(Buffer.from(text, "base64")));
console.log(JSON.stringify(await Promise.all(files.map(read))));
"""
FACTS = PictureFacts(
    'a "red" fox\'s <den> & 🦊\nлиса',
    seed=2**32 - 1,
    size="512x384",
    model="tiny, small",
    steps=8,
    guidance=0.0,
    strength=0.5,
    action="edit",
    version="0.1.0",
    created_at=1_795_300_000,
)

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")


def read(*files: bytes) -> list[dict[str, Any]]:
    """As the module in the page reads them."""
    said = json.dumps([base64.b64encode(file).decode() for file in files])
    command = ["node", "--input-type=module", "-e", READ % MODULE.as_uri()]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_what_the_server_has_written_is_read_in_every_format() -> None:
    expected = {
        "prompt": FACTS.prompt,
        "seed": FACTS.seed,
        "size": "512x384",
        "model": "tiny, small",
        "steps": 8,
        "guidance": 0,
        "strength": 0.5,
        "action": "edit",
        "version": "0.1.0",
        "created": "2026-11-21T22:26:40Z",
    }
    for found in read(*(write(picture(format=format), FACTS).content for format in FORMATS)):
        assert found == {"facts": expected, "isOurs": True, "madeByAi": True}


def test_a_mark_alone_has_no_facts_and_a_bare_picture_has_neither() -> None:
    marked = [write(picture(format=format), None) for format in FORMATS]
    nothing = {"facts": None, "isOurs": False}
    for found in read(*(image.content for image in marked)):
        assert found == {**nothing, "madeByAi": True}
    for found in read(*(strip(image).content for image in marked)):
        assert found == {**nothing, "madeByAi": False}


A1111 = """a fox, (oil:1.2)
Negative prompt: blurry
Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 42, Size: 512x768, Model hash: 6ce0161689, \
Model: "one: two, three", Denoising strength: 0.4"""


def test_pictures_of_other_programs_are_understood() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", A1111)
    comment = Image.Exif()
    comment.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-be")
    files = [BytesIO() for _ in range(3)]
    image = Image.new("RGB", (8, 8))
    image.save(files[0], "png", pnginfo=texts)
    image.save(files[1], "jpeg", exif=comment)
    image.save(files[2], "webp", exif=comment)
    for found in read(*(file.getvalue() for file in files)):
        assert not found["isOurs"]
        assert found["facts"] == {
            "prompt": "a fox, (oil:1.2)",
            "seed": 42,
            "size": "512x768",
            "model": "one: two, three",
            "steps": 20,
            "guidance": 7.5,
            "strength": 0.4,
        }


@pytest.mark.parametrize("format", FORMATS)
def test_no_cut_or_crooked_file_breaks_the_page(format: ImageFormat) -> None:
    whole = write(picture(format=format), FACTS).content
    cut = [whole[:length] for length in range(0, len(whole), 7)]
    crooked = [whole[:at] + b"\xff\xff" + whole[at + 2 :] for at in range(0, len(whole) - 2, 7)]
    found = read(*cut, *crooked)
    assert len(found) == len(cut) + len(crooked)


def test_what_is_no_picture_says_nothing() -> None:
    files = (b"", b"text", b"GIF89a", ImageData(b"\x89PNG\r\n\x1a\n", "png").content)
    for found in read(*files):
        assert found == {"facts": None, "isOurs": False, "madeByAi": False}

"""Edits by the Images API and the job API, painted by the shipped model, near and far."""

from __future__ import annotations

import asyncio
import base64
import io
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
from PIL import Image

from tests.e2e.processes import PATIENCE_S, Server, serving
from tests.e2e.test_image_service import KEY, config
from tests.e2e.test_pictures import sdk
from tests.pictures import picture
from tests.scripted_services import MANNERS, ScriptedService

BEFORE = "a red circle on a yellow background"
AFTER = "a blue circle on a yellow background"
EDGE, BOX = 512, slice(100, 412)


@cache
def source(server: Server) -> bytes:
    made = sdk(server).images.generate(
        model="tiny", prompt=BEFORE, size="512x512", extra_body={"seed": 1}
    )
    return content_of(made)


def content_of(made: openai.types.ImagesResponse) -> bytes:
    assert made.data
    return base64.b64decode(made.data[0].b64_json or "")


def mask() -> bytes:
    alpha = np.full((EDGE, EDGE, 4), 255, np.uint8)
    alpha[BOX, BOX, 3] = 0
    file = io.BytesIO()
    Image.fromarray(alpha).save(file, "png")
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(np.int64)


def is_blue_on_yellow(content: bytes) -> bool:
    shown = pixels(content)
    assert shown.shape == (EDGE, EDGE, 3)
    (r, g, b), (red, green, blue) = shown[EDGE // 2, EDGE // 2], shown[10, 10]
    return bool(b > 130 and r < 110 and g < 140 and red > 180 and green > 150 and blue < 130)


def check_masked_edit(asked: Server, original: bytes) -> None:
    made = sdk(asked).images.edit(
        model="tiny",
        prompt=AFTER,
        image=("circle.png", original),
        mask=("mask.png", mask()),
        extra_body={"seed": 3},
    )
    content = content_of(made)
    assert is_blue_on_yellow(content)
    moved = np.abs(pixels(content) - pixels(original))
    moved[BOX, BOX] = 0
    assert not moved.any()


def test_an_edit_by_mask_leaves_the_rest_to_the_pixel(server: Server) -> None:
    check_masked_edit(server, source(server))


def test_another_limner_edits_for_this_one(server: Server, tmp_path: Path) -> None:
    with serving(tmp_path, "--image-backend", f"limner+{server.url}/v1") as near:
        check_masked_edit(near, source(server))
        stream = sdk(near).images.edit(
            prompt=AFTER, image=source(server), stream=True, partial_images=1
        )
        kinds = [event.type for event in stream]
    assert kinds[-1] == "image_edit.completed"
    assert "image_edit.partial_image" in kinds


def test_a_job_edits_too_and_so_does_one_behind_another_server(
    server: Server, tmp_path: Path
) -> None:
    text = base64.b64encode(source(server)).decode()
    body = {"prompt": AFTER, "image_base64": text, "seed": 2}
    reply = httpx.post(f"{server.url}/modify", json=body, timeout=PATIENCE_S)
    assert reply.status_code == 200
    assert is_blue_on_yellow(base64.b64decode(reply.json()["image_base64"]))
    with serving(tmp_path, "--image-backend", f"jobs+{server.url}") as near:
        made = sdk(near).images.edit(
            prompt=AFTER, image=source(server), extra_body={"seed": 2}, output_format="webp"
        )
    content = content_of(made)
    assert Image.open(io.BytesIO(content)).format == "WEBP"
    assert is_blue_on_yellow(content)


@pytest.mark.parametrize("model", ["gif", "bmp", "tiff"])
def test_pictures_of_other_formats_are_edited(server: Server, model: str) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(source(server))).convert("RGB").save(file, model)
    made = sdk(server).images.edit(prompt=AFTER, image=file.getvalue(), size="64x64")
    assert Image.open(io.BytesIO(content_of(made))).size == (64, 64)


async def test_an_external_service_edits_where_its_file_says(tmp_path: Path) -> None:
    async with ScriptedService(MANNERS["other"]) as service:
        file = config(tmp_path, api_base=service.url)

        def edited(ours: Server) -> bytes:
            made = sdk(ours).images.edit(
                prompt="a dog",
                image=picture(16, 16).content,
                mask=picture(16, 16, alpha=True).content,
                output_format="webp",
            )
            return content_of(made)

        with serving(tmp_path, "--image-service-config", str(file), **KEY) as ours:
            content = await asyncio.to_thread(edited, ours)
        [asked] = service.requests
        assert (asked["prompt"], len(service.edited), len(service.masks)) == ("a dog", 1, 1)
    made, sent = (
        Image.open(io.BytesIO(each)) for each in (content, picture(format="webp").content)
    )
    assert made.format == "WEBP"
    assert np.array_equal(np.asarray(made), np.asarray(sent))

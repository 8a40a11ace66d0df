"""Edits by the real command, through every door, painted by the shipped model."""

from __future__ import annotations

import base64
import io
from functools import cache

import httpx
import numpy as np
import openai
from PIL import Image

from tests.e2e.processes import PATIENCE_S, Server

BEFORE = "a red circle on a yellow background"
AFTER = "a blue circle on a yellow background"
EDGE, BOX = 512, slice(100, 412)


def sdk(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


@cache
def source(server: Server) -> bytes:
    made = sdk(server).images.generate(
        model="tiny", prompt=BEFORE, size="512x512", extra_body={"seed": 1}
    )
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


def test_an_edit_by_mask_leaves_the_rest_to_the_pixel(server: Server) -> None:
    made = sdk(server).images.edit(
        model="tiny",
        prompt=AFTER,
        image=("circle.png", source(server)),
        mask=("mask.png", mask()),
    )
    assert made.data
    content = base64.b64decode(made.data[0].b64_json or "")
    assert is_blue_on_yellow(content)
    moved = np.abs(pixels(content) - pixels(source(server)))
    moved[BOX, BOX] = 0
    assert not moved.any()


def test_a_picture_of_the_conversation_is_edited(server: Server) -> None:
    url = f"data:image/png;base64,{base64.b64encode(source(server)).decode()}"
    response = sdk(server).responses.create(
        model="limner",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": AFTER},
                    {"type": "input_image", "image_url": url, "detail": "auto"},
                ],
            }
        ],
        tools=[{"type": "image_generation", "action": "edit"}],
    )
    (item,) = [item for item in response.output if item.type == "image_generation_call"]
    assert item.to_dict()["action"] == "edit"
    assert is_blue_on_yellow(base64.b64decode(item.result or ""))


def test_a_job_edits_too(server: Server) -> None:
    body = {"prompt": AFTER, "image_base64": base64.b64encode(source(server)).decode(), "seed": 2}
    reply = httpx.post(f"{server.url}/modify", json=body, timeout=PATIENCE_S)
    assert reply.status_code == 200
    assert is_blue_on_yellow(base64.b64decode(reply.json()["image_base64"]))

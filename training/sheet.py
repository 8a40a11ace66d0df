"""Contact sheets: prompts and what the model paints for them, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont

PROMPTS = (
    "a red circle above a blue square on a yellow background",
    "a sunset over mountains with a red house",
    "an orange cat",
    "a boat on the sea",
    "a green star on a purple background",
    "a red balloon",
    "the moon over mountains at night",
    "a smiley",
    "a blue car on a yellow background",
    "a pink heart left of a teal diamond on white",
    "three yellow stars on a blue background",
    "a white house and trees",
    "a purple hexagon on a green background",
    "a brown ring below a white triangle on teal",
    "four red hearts",
    "a sunset over the sea with a boat",
    "a small black square on an orange background",
    "a big teal circle on a pink background",
    "two green diamonds on white",
    "a night over the sea with a sailboat",
    "a gray cat on a red background",
    "a yellow triangle right of a purple ring on black",
    "hills and trees",
    "a black smiley on a white background",
    "a pink car",
    "a blue heart on a red background",
    "an orange hexagon above a white star on a brown background",
    "mountains",
    "a house at night",
    "a green balloon on a gray background",
    "a white cat on a blue background",
    "three pink rings on black",
    "a red diamond and a blue diamond on a white background",
    "a sunset over hills with trees",
    "a purple smiley",
    "a teal star below an orange heart on purple",
    "four blue squares on a yellow background",
    "a yellow house on hills at sunset",
    "a brown triangle on a pink background",
    "a green circle left of a red triangle on a gray background",
    "the sea at night",
    "a white ring on a red background",
    "красный круг над синим квадратом на жёлтом фоне",
    "закат над горами и красный дом",
    "три зелёных сердца",
    "рыжий кот",
    "draw me a heart, please",
    "an astronaut riding a zebra",
)
_CELL, _TEXT = 128, 30
_COLUMNS = 8


def paint(
    pipe: Any, prompts: Sequence[str], size: tuple[int, int], seeds: Sequence[int]
) -> list[Image.Image]:
    """Paint prompts with the stock pipeline, eight steps, no guidance."""
    pipe.set_progress_bar_config(disable=True)
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), 16):
        some, their = list(prompts[start : start + 16]), seeds[start : start + 16]
        made = pipe(
            prompt=some,
            width=size[0],
            height=size[1],
            num_inference_steps=8,
            guidance_scale=0.0,
            generator=[torch.Generator().manual_seed(seed) for seed in their],
        )
        pictures += made.images
    return pictures


def sheet(pipe: Any, path: Path, prompts: Sequence[str] = PROMPTS, seed: int = 0) -> None:
    """Paint each prompt with its own fixed seed and save all, named, as one PNG."""
    seeds = range(seed, seed + len(prompts))
    pictures = paint(pipe, prompts, (_CELL, _CELL), seeds)
    rows = -(-len(prompts) // _COLUMNS)
    page = Image.new("RGB", (_COLUMNS * (_CELL + 8) + 8, rows * (_CELL + _TEXT + 8) + 8), "white")
    pen = ImageDraw.Draw(page)
    font = _font()
    for i, (prompt, picture) in enumerate(zip(prompts, pictures, strict=True)):
        x, y = 8 + i % _COLUMNS * (_CELL + 8), 8 + i // _COLUMNS * (_CELL + _TEXT + 8)
        page.paste(picture, (x, y))
        pen.multiline_text((x, y + _CELL + 2), _wrapped(prompt, pen, font), fill="black", font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True)


def _font() -> Any:
    """A font with Cyrillic letters where the system has it."""
    try:
        return ImageFont.truetype("DejaVuSans.ttf", 9)
    except OSError:
        return ImageFont.load_default(9)


def _wrapped(prompt: str, pen: ImageDraw.ImageDraw, font: Any) -> str:
    lines = [""]
    for word in prompt.split():
        longer = f"{lines[-1]} {word}".strip()
        if pen.textlength(longer, font=font) <= _CELL:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines[:2])

"""`limner generate`."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

import click

from limner.cli.options import read_settings, settings_options
from limner.cli.screen import Screen, graphics_of
from limner.config import OF_OUR_ENGINE, TABLE, Settings
from limner.core.errors import ConfigError, LimnerError
from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageFormat,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.core.lora import Lora
from limner.core.ports import ImageBackend

_OF_SERVING = frozenset({"step_timeout_s", "picture_timeout_s", "token_budget", "warm_sizes"})
HERE_ONLY = (OF_OUR_ENGINE - _OF_SERVING) | {
    "picture_metadata",
    "c2pa_certificate",
    "c2pa_key",
}
NAMES = HERE_ONLY | {"model", "steps", "guidance_scale", "image_key"}
STDOUT = "-"
MAX_SEED = 2**32 - 1
PREVIEWS = 3

_FORMATS: dict[str, ImageFormat] = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
}


class _Size(click.ParamType[Size]):
    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Size:
        match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", str(value))
        if not match:
            self.fail(f"must be width and height in pixels, such as 256x192, got {value!r}")
        return Size(int(match[1]), int(match[2]))


@click.command("generate")
@click.argument("prompt")
@click.option(
    "-o",
    "--output",
    default="picture.png",
    show_default=True,
    metavar="FILE",
    help="Where to write; .png, .jpg or .webp says the format, - is the standard output.",
)
@click.option("--size", type=_Size(), help="Width and height in pixels; else the model's own.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="For the same picture again.")
@click.option("--n", type=click.IntRange(1, 10), default=1, help="Pictures; files get numbers.")
@click.option("--preview/--no-preview", default=None, help="Show it while it is painted.")
@click.option("--server", metavar="URL", help="Let a running Limner paint, not this process.")
@settings_options(NAMES)
def command(
    prompt: str, output: str, preview: bool | None, server: str | None, **rest: Any
) -> None:
    """Paint PROMPT into a file."""
    settings = read_settings(rest, NAMES)
    screen = Screen(sys.stderr, None if preview is False else graphics_of(os.environ))
    files = _Files(output, rest["n"])
    request = ImageRequest(
        prompt,
        size=rest["size"],
        seed=rest["seed"],
        n=rest["n"],
        output_format=files.format,
        partial_images=PREVIEWS if screen.shows_pictures else 0,
        # Here, the engine is loaded with these.
        model=settings.model if server else None,
        steps=settings.steps if server else None,
        guidance_scale=settings.guidance_scale if server else None,
        # Who names adapters here wants them worn.
        loras=tuple(Lora(each.name) for each in settings.loras),
    )
    try:
        asyncio.run(_paint(_backend(settings, server, rest, screen), request, files, screen))
    finally:
        screen.end()


def _backend(
    settings: Settings, server: str | None, flags: dict[str, Any], screen: Screen
) -> AbstractAsyncContextManager[ImageBackend]:
    from limner.app.once import open_here, open_there

    if server is None:
        return open_here(settings, lambda readiness: screen.say(readiness.message))
    for entry in TABLE:
        if entry.name in HERE_ONLY and flags[entry.name] is not None:
            raise ConfigError(f"{entry.flag} is decided by the --server that paints.")
    return open_there(server, settings.image_key)


async def _paint(
    backend: AbstractAsyncContextManager[ImageBackend],
    request: ImageRequest,
    files: _Files,
    screen: Screen,
) -> None:
    screen.say("starting")
    async with backend as painter:
        began = time.perf_counter()
        async with aclosing(painter.generate(request)) as events:
            lines = [line async for line in _followed(events, files, screen)]
    screen.end()
    for line in lines:
        click.echo(line, err=True)
    click.echo(f"in {time.perf_counter() - began:.1f} s", err=True)


async def _followed(
    events: AsyncGenerator[ImageEvent, None], files: _Files, screen: Screen
) -> AsyncGenerator[str, None]:
    """Show and write what comes; yields what is to be said in the end."""
    async for event in events:
        match event:
            case ImageProgress():
                screen.progress(event)
            case PartialImage():
                screen.show(event.image)
            case ImageCompleted(image, resolved):
                screen.show(image)
                path = files.write(image.content, event.picture)
                seed = "" if resolved.seed is None else f", seed {resolved.seed}"
                yield f"{path}: {resolved.size or image.format}{seed}"
                for sentence in resolved.adjustments:
                    yield f"  {sentence}"
            case ImageFailed():
                raise LimnerError(event.message)
            case _:
                assert_never(event)


@dataclass(frozen=True, slots=True)
class _Files:
    """Where pictures go; of several each gets its number."""

    output: str
    n: int

    @property
    def format(self) -> ImageFormat:
        """Raises ConfigError for a name that cannot be written or says no format."""
        suffix = Path(self.output).suffix.lower()
        if self.output == STDOUT and self.n == 1:
            return "png"
        if suffix not in _FORMATS:
            accepts = f"must end in {', '.join(_FORMATS)}, or be - for one picture"
            raise ConfigError(f"--output {accepts}; got {self.output!r} for {self.n}.")
        if not Path(self.output).absolute().parent.is_dir():
            raise ConfigError(f"--output must be in a folder that is there, got {self.output!r}.")
        return _FORMATS[suffix]

    def write(self, content: bytes, number: int) -> str:
        """Raises LimnerError where the file cannot be written."""
        if self.output == STDOUT:
            sys.stdout.buffer.write(content)
            return "standard output"
        path = Path(self.output)
        if self.n > 1:
            path = path.with_stem(f"{path.stem}-{number + 1}")
        try:
            path.write_bytes(content)
        except OSError as error:
            raise LimnerError(f"{path} cannot be written: {error.strerror}.") from error
        return str(path)

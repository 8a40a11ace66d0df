"""How a picture in the making looks in a terminal: a line of progress, and above it the picture.

Three ways to show pictures, best first: the graphics protocols of kitty and of iTerm2 (each
documented by its terminal), and two pixels in each character cell, as coloured half blocks.
"""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Literal, TextIO

from limner.core.image import ImageData, ImageProgress

Graphics = Literal["kitty", "iterm2", "blocks"]

MAX_COLUMNS, MAX_ROWS = 48, 24
BAR_CELLS = 24
_CHUNK = 4096
_CLEAR_LINE = "\r\x1b[K"


def graphics_of(environ: Mapping[str, str]) -> Graphics | None:
    """What the terminal can show, by what it says of itself; None when nothing is certain."""
    program = environ.get("TERM_PROGRAM", "")
    if "TMUX" in environ or environ.get("TERM", "").startswith("screen"):
        program, kitty = "", False
    else:
        kitty = environ.get("TERM") == "xterm-kitty" or program == "ghostty"
    if kitty:
        return "kitty"
    if program in ("iTerm.app", "WezTerm"):
        return "iterm2"
    if environ.get("COLORTERM") in ("truecolor", "24bit") and find_spec("PIL"):
        return "blocks"
    return None


class Screen:
    """Draws on a terminal; on anything else it stays silent."""

    def __init__(self, output: TextIO, graphics: Graphics | None) -> None:
        """graphics: None draws no pictures."""
        self._output = output
        self._is_terminal = output.isatty()
        self._graphics = graphics if self._is_terminal else None
        self._rows = 0
        self._line = ""

    @property
    def shows_pictures(self) -> bool:
        return self._graphics is not None

    def say(self, words: str) -> None:
        """Replace the line."""
        if self._is_terminal:
            self._line = words
            self._write(_CLEAR_LINE + words)

    def progress(self, at: ImageProgress) -> None:
        if at.queue_position is not None:
            self.say(f"waiting, number {at.queue_position} in the queue")
            return
        full = BAR_CELLS * at.step // max(at.steps, 1)
        bar = "█" * full + "░" * (BAR_CELLS - full)
        self.say(f"painting {bar} step {at.step}/{at.steps}")

    def show(self, image: ImageData) -> None:
        """Draw the picture above the line, in the place of the last one."""
        if self._graphics is None:
            return
        columns, rows = _cells()
        if not self._rows:
            self._write(_CLEAR_LINE + "\n" * rows)
            self._rows = rows
        drawn = "".join(_DRAW[self._graphics](image, columns, self._rows))
        self._write(f"\r\x1b[{self._rows}A\x1b7{drawn}\x1b8\x1b[{self._rows}B")
        self._write(_CLEAR_LINE + self._line)

    def end(self) -> None:
        """Leave the picture, take away the line."""
        if self._is_terminal:
            self._write(_CLEAR_LINE)
            self._rows = 0

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()


def _cells() -> tuple[int, int]:
    """Columns and rows for a picture; a cell is about twice as high as wide."""
    terminal = shutil.get_terminal_size()
    columns = min(MAX_COLUMNS, terminal.columns - 1)
    return columns, max(2, min(MAX_ROWS, terminal.lines - 2, columns // 2))


def _kitty(image: ImageData, columns: int, rows: int) -> Iterator[str]:
    content = base64.b64encode(_as_png(image)).decode()
    pieces = [content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK)]
    for number, piece in enumerate(pieces):
        control = f"a=T,f=100,i=1,q=2,C=1,r={rows}," if number == 0 else ""
        yield f"\x1b_G{control}m={int(number < len(pieces) - 1)};{piece}\x1b\\"


def _iterm2(image: ImageData, columns: int, rows: int) -> Iterator[str]:
    content = base64.b64encode(image.content).decode()
    yield f"\x1b]1337;File=inline=1;size={len(image.content)};height={rows}:{content}\a"


def _blocks(image: ImageData, columns: int, rows: int) -> Iterator[str]:
    """Each cell is an upper half block: its colour is the upper pixel, its ground the lower."""
    from PIL import Image

    picture = Image.open(io.BytesIO(image.content)).convert("RGB")
    picture.thumbnail((columns, rows * 2))
    width, height = picture.size
    pixels = picture.load()
    assert pixels is not None
    for top in range(0, height - 1, 2):
        for x in range(width):
            yield f"\x1b[38;2;{_rgb(pixels[x, top])};48;2;{_rgb(pixels[x, top + 1])}m▀"
        yield "\x1b[0m\r\n" if top + 3 < height else "\x1b[0m"


def _rgb(pixel: object) -> str:
    assert isinstance(pixel, tuple)
    return ";".join(map(str, pixel))


def _as_png(image: ImageData) -> bytes:
    if image.format == "png" or not find_spec("PIL"):
        return image.content
    from PIL import Image

    output = io.BytesIO()
    Image.open(io.BytesIO(image.content)).save(output, "PNG")
    return output.getvalue()


_DRAW = {"kitty": _kitty, "iterm2": _iterm2, "blocks": _blocks}

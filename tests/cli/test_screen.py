"""What is written to a terminal while a picture is painted."""

from __future__ import annotations

import base64
import io
import re

import pytest

from limner.cli.screen import Graphics, Screen, graphics_of
from limner.core.image import ImageData, ImageFormat, ImageProgress

Image = pytest.importorskip("PIL.Image")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def picture(format: ImageFormat = "png", size: int = 64) -> ImageData:
    output = io.BytesIO()
    drawn = Image.new("RGB", (size, size), (255, 0, 0))
    drawn.paste((0, 0, 255), (0, size // 2, size, size))
    drawn.save(output, format)
    return ImageData(output.getvalue(), format)


@pytest.mark.parametrize(
    ("environ", "graphics"),
    [
        ({}, None),
        ({"TERM": "xterm-kitty", "COLORTERM": "truecolor"}, "kitty"),
        ({"TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "blocks"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux", "COLORTERM": "24bit"}, "blocks"),
        ({"TERM": "screen", "TERM_PROGRAM": "iTerm.app"}, None),
    ],
)
def test_a_terminal_is_known_by_what_it_says_of_itself(
    environ: dict[str, str], graphics: Graphics | None
) -> None:
    assert graphics_of(environ) == graphics


def test_nothing_is_written_where_nobody_looks() -> None:
    output = io.StringIO()
    screen = Screen(output, "blocks")
    screen.say("loading")
    screen.progress(ImageProgress(1, 8))
    screen.show(picture())
    screen.end()
    assert output.getvalue() == ""
    assert not screen.shows_pictures


def test_the_line_tells_the_place_in_the_queue_then_the_step() -> None:
    output = Terminal()
    screen = Screen(output, None)
    screen.progress(ImageProgress(0, 8, queue_position=2))
    screen.progress(ImageProgress(4, 8))
    screen.end()
    waiting, painting = output.getvalue().split("\r\x1b[K")[1:3]
    assert waiting == "waiting, number 2 in the queue"
    assert painting == "painting ████████████░░░░░░░░░░░░ step 4/8"
    assert output.getvalue().endswith("\r\x1b[K")


def test_blocks_have_the_upper_pixel_as_colour_and_the_lower_as_ground() -> None:
    output = Terminal()
    Screen(output, "blocks").show(picture())
    cells = re.findall(r"\x1b\[38;2;(\d+;\d+;\d+);48;2;(\d+;\d+;\d+)m▀", output.getvalue())
    assert cells[0] == ("255;0;0", "255;0;0")
    assert cells[-1] == ("0;0;255", "0;0;255")


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_kitty_gets_a_png_in_pieces(format: ImageFormat) -> None:
    noise = io.BytesIO()
    Image.effect_noise((128, 128), 90).save(noise, format)
    output = Terminal()
    Screen(output, "kitty").show(ImageData(noise.getvalue(), format))
    pieces = re.findall(r"\x1b_G([^;]*)m=(\d);([^\x1b]*)\x1b\\", output.getvalue())
    assert pieces[0][0].startswith("a=T,f=100")
    more = [follows for _, follows, _ in pieces]
    assert more == ["1"] * (len(pieces) - 1) + ["0"]
    assert len(pieces) > 1
    content = base64.b64decode("".join(piece for _, _, piece in pieces))
    assert Image.open(io.BytesIO(content)).format == "PNG"


def test_iterm_gets_the_file_as_it_is() -> None:
    output = Terminal()
    image = picture("webp")
    Screen(output, "iterm2").show(image)
    found = re.search(
        r"\x1b]1337;File=inline=1;size=(\d+);height=\d+:([^\a]+)\a", output.getvalue()
    )
    assert found is not None
    assert int(found[1]) == len(image.content)
    assert base64.b64decode(found[2]) == image.content


def test_the_next_picture_takes_the_place_of_the_last() -> None:
    output = Terminal()
    screen = Screen(output, "blocks")
    screen.show(picture())
    first = len(output.getvalue())
    screen.show(picture())
    rows = re.findall(r"\r\x1b\[(\d+)A\x1b7", output.getvalue())
    assert len(rows) == 2
    assert rows[0] == rows[1]
    assert "\n" not in output.getvalue()[first:].replace("\r\n", "")

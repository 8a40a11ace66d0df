"""Pictures that a server would refuse are made smaller, and no others."""

from __future__ import annotations

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.items import FunctionCall, FunctionCallOutput, ImagePart, Message, TextPart
from limner.core.turn import TurnRequest
from limner.images.codec import SandboxedCodec
from limner.upstreams.fitted_pictures import PictureLimits, fitted
from limner.wire.picture_size import measure
from tests.pictures import picture

LIMITS = PictureLimits(
    max_edge_px=100, max_bytes=5000, few=2, max_edge_of_many_px=50, all_bytes=10_000
)
SMALL, WIDE = picture(40, 40), picture(300, 20)


def request(*pictures: ImageData) -> TurnRequest:
    """A picture a message, the last one inside a function's output."""
    *shown, returned = (ImagePart(each, number=at) for at, each in enumerate(pictures, 1))
    messages = [Message("user", (TextPart("look"), part)) for part in shown]
    output = FunctionCallOutput("c", (returned,))
    return TurnRequest("m", (*messages, FunctionCall("c", "draw", "{}"), output))


def shown(request: TurnRequest) -> list[ImagePart]:
    items = [item for item in request.items if isinstance(item, Message | FunctionCallOutput)]
    return [part for item in items for part in item.parts if isinstance(part, ImagePart)]


async def no_scale(image: ImageData, *, max_edge_px: int, max_bytes: int) -> ImageData:
    raise InvalidRequest("no picture")


async def test_what_fits_is_left_alone() -> None:
    asked = request(SMALL, SMALL)
    assert await fitted(asked, LIMITS, no_scale) == (asked, 0)


async def test_a_large_picture_is_scaled_wherever_it_stands() -> None:
    async with SandboxedCodec(workers=1) as codec:
        made, smaller = await fitted(request(WIDE, WIDE), LIMITS, codec.scaled)
    assert smaller == 1
    for number, part in enumerate(shown(made), 1):
        size = measure(part.source)
        assert size is not None
        assert (size.width, part.number) == (100, number)


async def test_of_many_pictures_each_must_be_smaller() -> None:
    asked = request(picture(80, 80), SMALL, SMALL)
    async with SandboxedCodec(workers=1) as codec:
        made, smaller = await fitted(asked, LIMITS, codec.scaled)
    assert smaller == 1
    assert str(measure(shown(made)[0].source)) == "50x50"
    assert shown(made)[1:] == shown(asked)[1:]


async def test_pictures_share_the_room_that_there_is() -> None:
    wanted: list[int] = []

    async def note(image: ImageData, *, max_edge_px: int, max_bytes: int) -> ImageData:
        wanted.append(max_bytes)
        return SMALL

    large = [
        ImageData(SMALL.content + bytes(4500 - len(SMALL.content)) + b"%d" % n, "png")
        for n in (1, 2)
    ]
    assert (await fitted(request(*large), LIMITS, note))[1] == 0
    assert (await fitted(request(*large, SMALL), LIMITS, note))[1] == 0
    assert (await fitted(request(*large, *large, SMALL), LIMITS, note))[1] == 2
    assert wanted == [2000, 2000]


async def test_what_cannot_be_read_stays() -> None:
    asked = request(WIDE, ImageData(b"no picture", "png"))
    assert await fitted(asked, LIMITS, no_scale) == (asked, 0)

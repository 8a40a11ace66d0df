"""Edits by the whole chain: the hosted tool's own choice, sources by echo, upload and mask."""

from __future__ import annotations

import base64
import io
from typing import Any

from openai.types.responses import Response
from PIL import Image, ImageDraw

from tests.e2e.processes import Server
from tests.e2e.test_pictures import amount_of, picture_of, sdk

TOOL: dict[str, Any] = {"type": "image_generation"}
CIRCLE = "a red circle on a yellow background"


def data_url(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def own_picture() -> Image.Image:
    """A red circle on yellow, drawn by the client."""
    picture = Image.new("RGB", (256, 256), (235, 215, 60))
    ImageDraw.Draw(picture).ellipse((78, 78, 178, 178), fill=(210, 45, 45))
    return picture


def shown(text: str, picture: Image.Image) -> dict[str, Any]:
    parts = [
        {"type": "input_text", "text": text},
        {"type": "input_image", "image_url": data_url(picture)},
    ]
    return {"role": "user", "content": parts}


def ask(server: Server, given: list[Any], tool: Any = TOOL) -> Response:
    return sdk(server).responses.create(model="limner", input=given, tools=[tool])


def action_of(response: Response) -> Any:
    (item,) = [item for item in response.output if item.type == "image_generation_call"]
    return item.to_dict().get("action")


def test_a_picture_is_changed_in_the_next_request(server: Server) -> None:
    given: list[Any] = [{"role": "user", "content": f"draw {CIRCLE}"}]
    first = ask(server, given)
    assert action_of(first) == "generate"
    given += [item.to_dict() for item in first.output]
    given.append({"role": "user", "content": "make the circle blue"})
    second = ask(server, given)
    assert action_of(second) == "edit"
    before, after = picture_of(first), picture_of(second)
    assert after.size == before.size
    assert amount_of("red", before) > 0.03 > amount_of("red", after)
    assert amount_of("blue", after) > 0.03 > amount_of("blue", before)


def test_a_new_picture_beside_an_old_one_is_no_edit(server: Server) -> None:
    response = ask(server, [shown("draw a green square on a white background", own_picture())])
    assert action_of(response) == "generate"
    assert amount_of("yellow", picture_of(response)) < 0.03


def test_what_lies_outside_the_mask_stays_to_the_bit(server: Server) -> None:
    source = own_picture()
    mask = Image.new("RGBA", source.size, (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle((64, 64, 192, 192), fill=(0, 0, 0, 0))
    tool = {**TOOL, "action": "edit", "input_image_mask": {"image_url": data_url(mask)}}
    response = ask(server, [shown("a blue circle on a yellow background", source)], tool)
    assert action_of(response) == "edit"
    painted = picture_of(response)
    box = (64, 64, 193, 193)
    assert painted.crop(box).tobytes() != source.crop(box).tobytes()
    for picture in (painted, source):
        picture.paste((0, 0, 0), box)
    assert painted.tobytes() == source.tobytes()

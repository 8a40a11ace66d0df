"""The pictures of an edit that ComfyUI loads, and what it calls them."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from limner.core.image import ImageFailed, ImageRequest, Size
from limner.wire.comfyui import capabilities, order_picture, render_prompt
from limner.wire.comfyui_uploads import ALL_CLEAR, read_uploaded, upload_name, uploads_for
from limner.wire.comfyui_workflow import read_workflow
from tests.pictures import picture

TEXT = read_workflow(b'{"1": {"class_type": "{{prompt}}{{seed}}"}}')
BARE = read_workflow(b'{"1": {"class_type": "{{prompt}}{{image}}"}}', edits=True)
WHOLE = read_workflow(
    b"""{"1": {"class_type": "Node", "inputs": {"text": "{{prompt}}", "image": "{{image}}",
    "mask": "{{mask}}", "width": "{{width|512}}", "height": "{{height|512}}",
    "denoise": "{{strength|0.75}}"}}}""",
    edits=True,
)
PNG, MASK = picture(24, 17), picture(24, 17, alpha=True)
EDIT = ImageRequest("a cat", images=(PNG,))


def test_a_workflow_loads_what_it_has_a_place_for() -> None:
    masked = ImageRequest("a cat", images=(PNG,), mask=MASK)
    assert uploads_for(BARE, EDIT) == {"image": PNG}
    assert uploads_for(WHOLE, masked) == {"image": PNG, "mask": MASK}
    assert uploads_for(WHOLE, EDIT) == {"image": PNG, "mask": ALL_CLEAR}
    assert uploads_for(TEXT, ImageRequest("a cat")) == {}


def test_without_a_mask_all_may_be_repainted() -> None:
    image = Image.open(BytesIO(ALL_CLEAR.content))
    image.load()
    assert (image.mode, image.size) == ("LA", (64, 64))
    assert image.getchannel("A").getextrema() == (0, 0)


def test_the_same_picture_has_the_same_name() -> None:
    assert upload_name(PNG) == upload_name(picture(24, 17))
    assert upload_name(PNG) != upload_name(MASK)
    assert upload_name(PNG).endswith(".png")


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (b'{"name": "a.png", "subfolder": "", "type": "temp"}', "a.png [temp]"),
        (b'{"name": "a.png", "subfolder": "x", "type": "input"}', "x/a.png [input]"),
        (b'{"name": "a.png"}', "a.png [input]"),
    ],
)
def test_an_upload_is_called_as_the_server_says(answer: bytes, name: str) -> None:
    assert read_uploaded(answer) == name


@pytest.mark.parametrize("answer", [b"{}", b"oh", b'{"name": ""}', b'{"name": 1}'])
def test_an_upload_without_a_name_is_a_failure(answer: bytes) -> None:
    assert isinstance(read_uploaded(answer), ImageFailed)


@pytest.mark.parametrize(
    ("request_", "size", "strength"),
    [
        (EDIT, (24, 16), 0.75),
        (ImageRequest("a", images=(PNG,), size=Size(64, 32), strength=0.0), (64, 32), 0.0),
    ],
)
def test_an_edit_is_filled_in(
    request_: ImageRequest, size: tuple[int, int], strength: float
) -> None:
    painting = order_picture(WHOLE, request_, 0, None)
    uploads = {"image": "i", "mask": "m"}
    body = render_prompt(WHOLE, painting, prompt_id="p", client_id="c", uploads=uploads)
    filled = body["prompt"]["1"]["inputs"]
    assert (filled["image"], filled["mask"]) == ("i", "m")
    assert (filled["width"], filled["height"]) == size
    assert filled["denoise"] == strength


def test_the_workflows_say_what_can_be_edited() -> None:
    none, bare, whole = (capabilities(TEXT, edit) for edit in (None, BARE, WHOLE))
    assert (none.edits, none.mask, none.strength, none.seed) == (False, False, False, True)
    assert (bare.edits, bare.mask, bare.strength) == (True, False, False)
    assert (whole.edits, whole.mask, whole.strength, whole.max_images) == (True, True, True, 1)

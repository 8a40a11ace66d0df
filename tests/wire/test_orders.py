"""What another process needs to run a response, and what is kept of its input."""

from __future__ import annotations

from typing import Any

from limner.core.image import ImageData
from limner.wire import json
from limner.wire.kept import keep, pictures_in
from limner.wire.known import NOTHING_KNOWN, Known
from limner.wire.orders import Order, dump_order, load_order, own_input
from limner.wire.pictures import to_base64
from tests.core.recorded import numbered_ids
from tests.pictures import picture

PICTURE = picture()
DATA_URL = f"data:image/png;base64,{to_base64(PICTURE)}"
CALL = {"type": "image_generation_call", "id": "ig_1", "result": to_base64(PICTURE)}
KNOWN = Known(
    history=[{"type": "message", "role": "user", "content": "hi"}],
    items={"ig_1": CALL},
    files={"file-1": PICTURE},
    urls={"http://x.example/a.png": ImageData(PICTURE.content, "png")},
)


def own(*input: Any, known: Known = KNOWN) -> list[Any]:
    return own_input(Order({"input": list(input)}, known), numbered_ids())


def test_an_order_is_read_as_it_was_written() -> None:
    order = Order({"model": "m", "input": [CALL]}, KNOWN, "strip", is_silent=True)
    assert load_order(dump_order(order)) == order


def test_an_order_of_an_older_version_speaks() -> None:
    older = json.load(dump_order(Order({}, KNOWN)))
    del older["is_silent"]
    assert not load_order(json.dump(older)).is_silent


def test_the_pictures_of_an_order_can_be_kept_apart() -> None:
    text = dump_order(Order({"input": [CALL]}, KNOWN))
    kept = keep(text, pictures_in(json.load(text)))
    assert to_base64(PICTURE).encode() not in kept


def test_a_text_is_one_message() -> None:
    assert own_input(Order({"input": "hi"}, NOTHING_KNOWN), numbered_ids()) == [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}],
            "status": "completed",
            "id": "msg_1",
        }
    ]


def test_names_of_items_are_replaced_by_the_items() -> None:
    bare = {"type": "image_generation_call", "id": "ig_1"}
    reference = {"type": "item_reference", "id": "ig_1"}
    whole = {**CALL, "status": "completed"}
    assert own(bare, reference, {"id": "ig_1"}) == [whole, whole, whole]


def test_an_item_that_is_whole_stays_as_it_came() -> None:
    other = {**CALL, "result": to_base64(picture(4, 4)), "status": "completed"}
    assert own(other) == [other]


def test_names_of_pictures_are_replaced_by_the_pictures() -> None:
    parts = [
        {"type": "input_image", "file_id": "file-1", "detail": "low"},
        {"type": "input_image", "image_url": "http://x.example/a.png"},
        {"type": "input_image", "image_url": DATA_URL},
        {"type": "input_text", "text": "look"},
    ]
    message, output = own(
        {"role": "user", "content": parts},
        {"type": "function_call_output", "call_id": "c", "output": parts},
    )
    shown = {"type": "input_image", "image_url": DATA_URL}
    assert message["content"] == [{**shown, "detail": "low"}, shown, shown, parts[3]]
    assert output["output"] == message["content"]

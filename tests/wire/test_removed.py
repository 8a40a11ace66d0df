"""A picture taken out of what was said."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from limner.wire import json, sse
from limner.wire.kept import digest_of, digests_in, keep, pictures_in, restore
from limner.wire.pictures import to_base64
from limner.wire.removed import frame_without_picture, kept_without_picture, without_picture
from tests.pictures import picture

FOX, OWL = picture(8), picture(9)


def item(id: str, **more: Any) -> dict[str, Any]:
    image = FOX if id == "ig_fox" else OWL
    head = {"id": id, "type": "image_generation_call", "status": "completed"}
    return {**head, "result": to_base64(image), **more}


def kept(value: Any) -> bytes:
    return keep(json.dump(value), pictures_in(value))


def test_the_item_stays_and_says_that_its_picture_was_deleted() -> None:
    fox = item("ig_fox", revised_prompt="a fox", limner={"seed": 7})
    assert json.load(kept_without_picture(kept(fox), "ig_fox")) == {
        **fox,
        "result": None,
        "limner": {"seed": 7, "deleted": True},
    }


def test_only_the_one_picture_goes_from_a_response() -> None:
    response = {"output": [item("ig_fox"), item("ig_owl"), {"type": "message", "id": "ig_fox"}]}
    text = kept_without_picture(kept(response), "ig_fox")
    assert digests_in(text) == [digest_of(OWL.content)]
    left = json.load(restore(text, {digest_of(OWL.content): OWL.content}))
    assert left["output"][0]["result"] is None
    assert left["output"][1:] == response["output"][1:]


def test_previews_go_with_their_picture() -> None:
    for id, left in (("ig_fox", ""), ("ig_owl", to_base64(FOX))):
        event = {"type": "x", "item_id": "ig_fox", "partial_image_b64": to_base64(FOX)}
        data = json.dump(event)
        frame = keep(sse.encode("x", data), [FOX.content])
        without = frame_without_picture(frame, id)
        whole = restore(without, {digest_of(FOX.content): FOX.content})
        assert whole == sse.encode("x", json.dump({**event, "partial_image_b64": left}))


def test_a_frame_without_data_is_left_alone() -> None:
    assert frame_without_picture(sse.KEEPALIVE, "ig_fox") == sse.KEEPALIVE


texts = st.text() | st.sampled_from(["\0", "\0" + "a" * 64 + "\0", "\\u0000", "~"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_whatever_else_was_said_comes_back_as_it_was(value: Any) -> None:
    said = {"said": value, "owl": item("ig_owl"), "fox": item("ig_fox")}
    text = kept_without_picture(kept(said), "ig_fox")
    pictures = {digest_of(image.content): image.content for image in (OWL, FOX)}
    assert json.load(restore(text, pictures)) == without_picture(said, "ig_fox")
    assert without_picture(value, "ig_fox") == value

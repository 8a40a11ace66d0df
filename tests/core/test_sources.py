"""Which pictures a call starts from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.events import ImageCallItem, MessageItem
from limner.core.image import ImageCapabilities, ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Item,
    Message,
    Opaque,
    TextPart,
)
from limner.core.request import ImageTool
from limner.core.sources import (
    MAX_SOURCES,
    Basis,
    Wish,
    actions_of,
    basis_of,
    number_pictures,
    sources_of,
)

EDITS = ImageCapabilities("editor", edits=True, mask=True)
ONE = replace(EDITS, max_images=1)
PAINTS = ImageCapabilities("painter")
MASK = ImageData(b"a mask", "png")
AUTO, EDIT, GENERATE = (ImageTool(0, action=action) for action in ("auto", "edit", "generate"))
TOPIC = Wish("a dog", "generate")


def picture(name: str) -> ImageData:
    return ImageData(name.encode(), "png")


A, B, C, D = map(picture, "abcd")


def shown(*pictures: ImageData) -> Message:
    return Message("user", (TextPart("Look."), *map(ImagePart, pictures)))


def basis(
    tool: ImageTool,
    *sources: ImageData,
    wish: Wish = Wish("a cat"),  # noqa: B008 - a frozen value
    can: ImageCapabilities | None = EDITS,
) -> Basis:
    decided = basis_of(tool, wish, sources, can)
    assert isinstance(decided, Basis), decided
    return decided


def refusal(
    tool: ImageTool,
    *sources: ImageData,
    wish: Wish = Wish("a cat"),  # noqa: B008 - a frozen value
    can: ImageCapabilities | None = EDITS,
) -> ImageCallError:
    decided = basis_of(tool, wish, sources, can)
    assert isinstance(decided, ImageCallError), decided
    return decided


def test_pictures_of_a_context_are_found_in_their_order() -> None:
    items: tuple[Item, ...] = (
        shown(A),
        FunctionCall("call_1", "look_up", "{}"),
        FunctionCallOutput("call_1", (TextPart("so"), ImagePart(B))),
        ImageCall("ig_1", "a cat", C),
        ImageCall("ig_2", "a dog", None),
        Opaque({"type": "custom_tool_call_output"}, (D,)),
    )
    made = picture("made")
    output = (
        MessageItem("msg_1", "completed"),
        ImageCallItem("ig_3", "completed", image=made),
        ImageCallItem("ig_4", "failed"),
    )
    assert sources_of(items, output) == (A, B, C, D, made)


def test_a_picture_that_comes_twice_is_one_source_where_it_came_first() -> None:
    again = ImageCall("ig_1", "a", picture("a"))
    assert sources_of((shown(A, B), again, shown(C, B))) == (A, B, C)


@given(st.lists(st.sampled_from("abcdef")))
def test_sources_are_distinct_and_all_there(names: list[str]) -> None:
    found = sources_of(tuple(shown(picture(name)) for name in names))
    assert [one.content.decode() for one in found] == list(dict.fromkeys(names))


def test_each_picture_is_told_its_number() -> None:
    items = (shown(B, C), shown(), shown(A, B))
    first, mute, last = number_pictures(items, (A, B))
    assert isinstance(first, Message)
    assert isinstance(last, Message)
    assert first.parts[1:] == (ImagePart(B, number=2), ImagePart(C))
    assert mute is items[1]
    assert last.parts[1:] == (ImagePart(A, number=1), ImagePart(B, number=2))


def test_generate_never_edits() -> None:
    assert basis(GENERATE, A, wish=Wish("x", "edit")) == Basis()
    assert Basis().action == "generate"


@pytest.mark.parametrize("tool", [AUTO, EDIT])
def test_without_a_word_of_the_model_a_picture_means_an_edit(tool: ImageTool) -> None:
    assert basis(tool, A, B) == Basis((A, B))
    assert basis(tool, A).action == "edit"


def test_without_a_picture_auto_paints_anew() -> None:
    assert basis(AUTO) == Basis()


def test_a_picture_that_is_only_a_topic_is_left_alone() -> None:
    assert basis(AUTO, A, wish=TOPIC) == Basis()


def test_the_client_s_edit_stands_against_the_model_s_generate() -> None:
    assert basis(EDIT, A, wish=TOPIC) == Basis((A,))


def test_the_model_may_name_its_source() -> None:
    assert basis(AUTO, A, B, C, wish=Wish("x", "edit", 2), can=ONE) == Basis((B,))


@pytest.mark.parametrize("number", [0, -1, 4])
def test_a_source_that_is_not_there_fails_the_call(number: int) -> None:
    error = refusal(AUTO, A, B, C, wish=Wish("x", "edit", number))
    assert error.code == "no_such_image"
    assert error.retryable
    assert "1 to 3" in error.message


def test_an_edit_without_any_source_fails_and_says_what_helps() -> None:
    assert "action generate" in refusal(AUTO, wish=Wish("x", "edit")).message
    error = refusal(EDIT)
    assert error.code == "no_source_image"
    assert error.message.endswith("Ask the user to send one.")


@pytest.mark.parametrize("can", [PAINTS, None])
def test_where_nothing_can_edit_auto_paints_anew_and_says_so(can: ImageCapabilities | None) -> None:
    decided = basis(AUTO, A, can=can)
    assert decided.images == ()
    assert decided.adjustments == (
        "No picture was edited: the image back end here paints new ones only.",
    )
    assert refusal(EDIT, A, can=can).code == "edits_not_supported"
    assert refusal(AUTO, A, wish=Wish("x", "edit"), can=can).code == "edits_not_supported"
    assert basis(AUTO, A, wish=TOPIC, can=can) == Basis()


def test_what_a_back_end_cannot_take_is_left_out_and_told_the_last_count() -> None:
    decided = basis(AUTO, A, B, C, can=ONE)
    assert decided.images == (C,)
    assert decided.adjustments == (
        "Of the 3 pictures in the conversation only the last 1 could be edited.",
    )
    assert basis(AUTO, A, B, C, can=replace(EDITS, max_images=2)).images == (B, C)


def test_what_can_be_done_is_that_of_the_back_end_that_the_client_names() -> None:
    can = replace(EDITS, named={"small": ONE, "plain": PAINTS})
    assert basis(replace(AUTO, model="small"), A, B, can=can).images == (B,)
    assert basis(replace(AUTO, model="plain"), A, B, can=can).images == ()
    assert basis(replace(AUTO, model="other"), A, B, can=can).images == (A, B)
    assert actions_of(replace(AUTO, model="plain"), (A,), can) == ()


def test_no_edit_has_more_than_sixteen_sources() -> None:
    many = [picture(str(number)) for number in range(20)]
    assert basis(AUTO, *many).images == tuple(many[-MAX_SOURCES:])
    assert basis(AUTO, *many, can=replace(EDITS, max_images=99)).images == tuple(many[-16:])


def test_a_mask_keeps_the_first_source() -> None:
    tool = replace(AUTO, mask=MASK)
    assert basis(tool, A, B) == Basis((A, B), MASK)
    one = basis(tool, A, B, C, can=ONE)
    assert (one.images, one.mask) == ((A,), MASK)
    assert one.adjustments == (
        "Of the 3 pictures in the conversation only the first, to which the mask belongs, could be "
        "edited.",
    )
    two = basis(tool, A, B, C, can=replace(EDITS, max_images=2))
    assert two.images == (A, C)
    assert "belongs, and the last 1 could" in two.adjustments[0]


@pytest.mark.parametrize("action", ["auto", "generate"])
def test_a_mask_without_use_is_reported(action: str) -> None:
    decided = basis(ImageTool(0, action=action, mask=MASK), A, wish=TOPIC)
    assert (decided.images, decided.mask) == ((), None)
    assert decided.adjustments[0].startswith("input_image_mask was not used")


@pytest.mark.parametrize("action", ["auto", "edit"])
def test_a_mask_alone_is_its_own_source(action: str) -> None:
    tool = ImageTool(0, action=action, mask=MASK)
    assert basis(tool) == Basis((MASK,), MASK)


@given(
    st.lists(st.sampled_from([A, B, C]), unique=True),
    st.sampled_from([None, MASK]),
    st.sampled_from(["auto", "edit", "generate"]),
    st.sampled_from([None, "edit", "generate"]),
    st.sampled_from([None, 1, 2, 9]),
    st.integers(1, 4),
)
def test_no_call_asks_for_more_than_can_be_done(  # type: ignore[no-untyped-def]
    sources, mask, action, wished, number, room
) -> None:
    tool = ImageTool(0, action=action, mask=mask)
    decided = basis_of(tool, Wish("x", wished, number), sources, replace(EDITS, max_images=room))
    if isinstance(decided, ImageCallError):
        assert decided.type == "image_generation_user_error"
        return
    assert len(decided.images) <= room
    assert set(decided.images) <= {*sources, mask}
    assert (decided.mask is None) or decided.images
    if mask is not None and decided.images:
        assert decided.images[0] is (sources[0] if sources else mask)
    if action == "generate":
        assert decided.action == "generate"
    if action == "edit":
        assert decided.action == "edit"


@pytest.mark.parametrize(
    ("tool", "sources", "can", "actions"),
    [
        (AUTO, (A,), EDITS, ("generate", "edit")),
        (AUTO, (), EDITS, ()),
        (replace(AUTO, mask=MASK), (), EDITS, ("generate", "edit")),
        (EDIT, (A,), EDITS, ("edit",)),
        (GENERATE, (A,), EDITS, ()),
        (AUTO, (A,), PAINTS, ()),
        (AUTO, (A,), None, ()),
    ],
)
def test_the_model_chooses_only_where_there_is_a_choice(
    tool: ImageTool,
    sources: tuple[ImageData, ...],
    can: ImageCapabilities | None,
    actions: tuple[str, ...],
) -> None:
    assert actions_of(tool, sources, can) == actions

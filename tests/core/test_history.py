from __future__ import annotations

import json

from limner.core.history import MAX_CALL_ID, recall
from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Item,
    Reasoning,
    TextPart,
)
from tests.core.recorded import CAT, USER, Recorded, asking

DOG = ImageData(b"a dog", "jpeg")


def recalled(*items: Item) -> tuple[Item, ...]:
    return recall(items, "draw")


def output(item: Item) -> dict[str, object]:
    assert isinstance(item, FunctionCallOutput)
    part, *_ = item.parts
    assert isinstance(part, TextPart)
    answer = json.loads(part.text)
    assert isinstance(answer, dict)
    return answer


def test_a_past_picture_becomes_a_call_its_output_and_a_look_at_it() -> None:
    called, answered = recalled(ImageCall("ig_7", 'a "кот"', CAT))
    assert called == FunctionCall("cc_from_ig_7", "draw", '{"prompt": "a \\"кот\\""}')
    assert isinstance(answered, FunctionCallOutput)
    assert answered.call_id == "cc_from_ig_7"
    assert output(answered) == {"ok": True, "status": "completed", "id": "ig_7"}
    assert answered.parts[1:] == (ImagePart(CAT),)


def test_a_past_failure_keeps_its_reason() -> None:
    error = ImageCallError("no", code="moderation_blocked", type="image_generation_user_error")
    _, answered = recalled(ImageCall("ig_7", "a cat", None, error))
    assert output(answered) == {
        "ok": False,
        "error": {
            "type": "image_generation_user_error",
            "code": "moderation_blocked",
            "message": "no",
            "retryable": False,
        },
    }


def test_a_picture_that_the_client_stripped_is_said_to_be_gone() -> None:
    _, answered = recalled(ImageCall("ig_7", "a cat", None))
    assert output(answered)["note"] == "The picture itself is no longer at hand."


def test_each_output_has_its_own_picture() -> None:
    first, second = ImageCall("ig_1", "cat", CAT), ImageCall("ig_2", "dog", DOG)
    outputs = [item for item in recalled(first, second) if isinstance(item, FunctionCallOutput)]
    assert [item.parts[1] for item in outputs] == [ImagePart(CAT), ImagePart(DOG)]


def test_other_items_pass_as_they_are() -> None:
    thought = Reasoning("Hm.")
    assert recalled(USER, thought) == (USER, thought)


def test_long_ids_make_call_ids_of_the_longest_allowed_length() -> None:
    first, *_ = recalled(ImageCall("ig_" + "a" * 80, "a cat", CAT))
    second, *_ = recalled(ImageCall("ig_" + "b" * 80, "a cat", CAT))
    assert isinstance(first, FunctionCall)
    assert isinstance(second, FunctionCall)
    assert first.call_id != second.call_id
    assert len(first.call_id) == len(second.call_id) == MAX_CALL_ID


def test_a_run_declares_the_function_of_past_calls_although_it_is_not_offered() -> None:
    past = ImageCall("ig_7", "a cat", CAT)
    recorded = Recorded(asking(image_tool=None, items=(USER, past, USER)))
    assert [tool.name for tool in recorded.turn.tools] == ["image_generation"]
    assert recorded.turn.tool_choice == "none"

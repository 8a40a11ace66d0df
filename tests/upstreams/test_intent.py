"""The built-in upstream: it calls when a picture is wanted, and otherwise says what it can do."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import orjson
import pytest

from limner.core.image import ImageData
from limner.core.image_tool import function_tool
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImagePart,
    Item,
    Message,
    Part,
    TextPart,
)
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    FunctionTool,
    NamedChoice,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    Usage,
)
from limner.upstreams.intent import IntentUpstream

PAINT = FunctionTool(
    "paint_2", None, {"type": "object", "properties": {"prompt": {"type": "string"}}}
)
EDITOR = function_tool("paint_2", ("generate", "edit"), sources=1)
OTHER = FunctionTool("weather", None, {"type": "object", "properties": {"city": {}}})
BARE = FunctionTool("bare")
SCENE = "a red circle above a blue square on a yellow background"
PICTURE = ImagePart(ImageData(b"\x89PNG", "png"))


def user(*parts: Part | str) -> Message:
    return Message("user", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def painted(prompt: str, output: object = None, call_id: str = "call_intent_1") -> tuple[Item, ...]:
    text = orjson.dumps(output or {"ok": True, "status": "completed"}).decode()
    return (
        FunctionCall(call_id, "paint_2", orjson.dumps({"prompt": prompt}).decode()),
        FunctionCallOutput(call_id, (TextPart(text),)),
    )


async def turn(
    *items: Item | str, tools: tuple[FunctionTool, ...] = (OTHER, BARE, PAINT), choice: Any = "auto"
) -> list[TurnEvent]:
    said = tuple(user(item) if isinstance(item, str) else item for item in items)
    request = TurnRequest("intent", said, tools=tools, tool_choice=choice)
    async with aclosing(IntentUpstream().stream(request)) as events:
        return [event async for event in events]


def prompt_of(events: list[TurnEvent]) -> str | None:
    """The prompt of the one call of a turn; None where there is no call."""
    prompts = [orjson.loads(e.arguments) for e in events if isinstance(e, CallEnded)]
    assert len(prompts) <= 1
    return prompts[0]["prompt"] if prompts else None


def words_of(events: list[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_an_order_becomes_one_call_of_the_function_that_takes_a_prompt() -> None:
    started, delta, ended, last = await turn("please draw me a red circle")
    assert isinstance(started, CallStarted)
    assert started.name == "paint_2"
    assert delta == CallDelta(started.key, '{"prompt":"a red circle"}')
    assert ended == CallEnded(started.key, '{"prompt":"a red circle"}')
    assert last == TurnEnded(Usage())


@pytest.mark.parametrize(
    "text",
    [
        SCENE,
        "красный круг над синим квадратом на жёлтом фоне",
        "ein roter Kreis über einem blauen Quadrat auf gelbem Hintergrund",
        "un círculo rojo encima de un cuadrado azul sobre fondo amarillo",
        "黄色背景上，蓝色正方形上面的红色圆形",
    ],
)
async def test_a_description_alone_is_an_order(text: str) -> None:
    assert prompt_of(await turn(text)) == text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("How are you?", "set of rules"),
        ("Как дела?", "встроенные правила"),
        ("Wie geht es dir?", "Regelwerk"),
        ("¿Cómo estás?", "reglas"),
        ("今天过得怎么样？", "规则"),
    ],
)
async def test_talk_is_answered_in_words_of_the_same_language(text: str, word: str) -> None:
    events = await turn(text)
    assert word in words_of(events)
    assert len(events) > 10, "words should come one by one"
    assert events[-1] == TurnEnded(Usage())
    assert prompt_of(events) is None


@pytest.mark.parametrize(
    ("text", "word"), [("draw a cat", "does not offer"), ("нарисуй кота", "нет инструмента")]
)
async def test_without_the_tool_it_says_what_is_missing(text: str, word: str) -> None:
    for events in (await turn(text, tools=(OTHER,)), await turn(text, choice="none")):
        assert word in words_of(events)
        assert prompt_of(events) is None


@pytest.mark.parametrize("choice", ["required", NamedChoice("paint_2")])
@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("how are you?", "how are you?"),
        ("draw a cat", "a cat"),
        ("change the background", "change the background"),
    ],
)
async def test_a_forced_call_is_made_whatever_the_text(choice: Any, text: str, prompt: str) -> None:
    assert prompt_of(await turn("draw a dog", *painted("a dog"), text, choice=choice)) == prompt


@pytest.mark.parametrize(
    ("choice", "tools"),
    [
        ("required", (OTHER,)),
        (NamedChoice("weather"), (OTHER, PAINT)),
        (NamedChoice("paint_2"), (OTHER,)),
    ],
)
async def test_a_choice_that_cannot_be_obeyed_is_refused(
    choice: Any, tools: tuple[FunctionTool, ...]
) -> None:
    (failed,) = await turn("draw a cat", choice=choice, tools=tools)
    assert isinstance(failed, TurnFailed)
    assert failed.status == 400


async def test_again_paints_the_last_prompt_again() -> None:
    assert prompt_of(await turn("draw a cat", *painted("a grey cat"), "again")) == "a grey cat"


async def test_a_picture_of_the_past_may_stand_behind_the_question() -> None:
    events = await turn("make it blue", *painted("a red cat", call_id="cc_from_ig_1"))
    assert prompt_of(events) == "a blue cat"


async def test_the_output_of_its_own_call_ends_the_turn() -> None:
    (started, *_) = await turn("draw a cat")
    assert isinstance(started, CallStarted)
    events = await turn("draw a cat", *painted("a cat", call_id=started.call_id))
    assert words_of(events) == "Here is your picture."


async def test_again_without_a_picture_is_answered_in_words() -> None:
    odd = FunctionCall("c0", "paint_2", "broken"), FunctionCallOutput("c0", ())
    for before in ((), odd, painted("")):
        assert "no picture to go on from" in words_of(await turn(*before, "again"))


def arguments_of(events: list[TurnEvent]) -> object:
    assert words_of(events) == ""
    (ended,) = (event for event in events if isinstance(event, CallEnded))
    return orjson.loads(ended.arguments)


async def edited(*items: Item | str, tool: FunctionTool = EDITOR, choice: Any = "auto") -> object:
    return arguments_of(await turn(*items, tools=(tool,), choice=choice))


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("make it blue", "a blue cat"),
        ("сделай его синим", "a red cat, синим"),
        ("remove the background", "a red cat. remove the background"),
        ("убери фон", "a red cat. убери фон"),
    ],
)
async def test_a_change_is_an_edit_where_there_is_what_can_be_edited(
    text: str, prompt: str
) -> None:
    past = painted("a red cat")
    assert await edited("draw a red cat", *past, text) == {"prompt": prompt, "action": "edit"}


@pytest.mark.parametrize("text", ["make it blue", "add a moon", "remove the boat"])
async def test_a_picture_of_the_user_s_own_is_edited_by_their_words(text: str) -> None:
    said = user(text, PICTURE)
    assert await edited(said) == {"prompt": text, "action": "edit"}
    after = ("draw a red cat", *painted("a red cat"), Message("assistant", ()), said)
    assert await edited(*after) == {"prompt": text, "action": "edit"}


@pytest.mark.parametrize("text", ["draw a red cat", "again"])
async def test_an_order_beside_a_picture_is_a_new_picture(text: str) -> None:
    past = painted("a red cat")
    assert await edited("draw a cat", *past, text) == {"prompt": "a red cat", "action": "generate"}


async def test_where_only_edits_are_offered_everything_is_one() -> None:
    tool = function_tool("paint_2", ("edit",), sources=3)
    assert await edited("draw a hat", tool=tool) == {
        "prompt": "a hat",
        "action": "edit",
        "image": 3,
    }


async def test_a_forced_change_is_an_edit_too() -> None:
    asked = ("draw a dog", *painted("a dog"), "change the background")
    for choice in ("required", NamedChoice("paint_2")):
        assert await edited(*asked, choice=choice) == {
            "prompt": "a dog. change the background",
            "action": "edit",
        }


async def test_a_client_s_own_function_with_other_actions_is_not_taken_for_an_editor() -> None:
    schema = {"prompt": {}, "action": {"enum": ["buy", "sell"]}, "image": {"maximum": 2}}
    tool = FunctionTool("shop", None, {"properties": schema})
    assert await edited("draw a cat", tool=tool) == {"prompt": "a cat"}
    odd = FunctionTool("odd", None, {"properties": {"prompt": {}, "action": {"enum": "edit"}}})
    assert await edited("draw a cat", tool=odd) == {"prompt": "a cat"}


async def test_a_simple_change_is_painted_anew_and_said_to_be_so() -> None:
    events = await turn("draw a red cat", *painted("a red cat"), "make it blue")
    assert prompt_of(events) == "a blue cat"
    assert (
        words_of(events) == "I cannot edit a picture itself here, so I paint a new one: a blue cat."
    )
    assert [type(event) for event in events[-4:]] == [CallStarted, CallDelta, CallEnded, TurnEnded]


async def test_a_change_beyond_the_rules_is_declined_in_words() -> None:
    events = await turn("draw a cat", *painted("a cat"), "remove the background")
    assert "Describe the whole new picture" in words_of(events)


@pytest.mark.parametrize("shown", [(), (user("Generated image:", PICTURE),)])
async def test_after_the_picture_it_ends_with_a_sentence(shown: tuple[Item, ...]) -> None:
    events = await turn("draw a cat", *painted("a cat"), *shown)
    assert words_of(events) == "Here is your picture."
    assert events[-1] == TurnEnded(Usage())
    assert words_of(await turn("нарисуй кота", *painted("кота"), *shown)) == "Вот ваша картинка."


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            {"ok": False, "error": {"message": "the queue is full"}},
            "I could not paint it: the queue is full",
        ),
        ({"ok": False}, "I could not paint it: ?"),
        ([1], "Here is your picture."),
    ],
)
async def test_after_a_failure_it_tells_the_reason(output: object, words: str) -> None:
    assert words_of(await turn("draw a cat", *painted("a cat", output))) == words


async def test_a_question_about_an_own_picture_is_a_new_question() -> None:
    events = await turn("draw a cat", *painted("a cat"), user("draw a dog", PICTURE))
    assert words_of(events) == "Here is your picture.", "behind an output it is the shown picture"
    said = Message("assistant", (TextPart("Here."),))
    events = await turn("draw a cat", *painted("a cat"), said, user("draw a dog", PICTURE))
    assert prompt_of(events) == "a dog"


async def test_an_empty_conversation_gets_an_answer() -> None:
    assert "what you describe" in words_of(await turn())


def test_it_says_that_it_sees_nothing() -> None:
    assert not IntentUpstream().capabilities.vision

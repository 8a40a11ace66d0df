from __future__ import annotations

import json

import pytest

from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
    TextPart,
)
from limner.core.turn import FunctionTool, NamedChoice, ToolChoice, TurnRequest
from limner.wire.prompted_reply import read_call
from limner.wire.prompted_request import render_prompted_request

DRAW = FunctionTool("draw", "Paints.", {"type": "object"})
BARE = FunctionTool("bare")
CAT = ImagePart(ImageData(b"a cat", "png"))


def user(*parts: Part | str) -> Message:
    return Message("user", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def rendered(
    *items: Item,
    instructions: str | None = None,
    tools: tuple[FunctionTool, ...] = (DRAW,),
    choice: ToolChoice = "auto",
    parallel: bool = True,
) -> TurnRequest:
    return render_prompted_request(
        TurnRequest(
            "m",
            items,
            instructions=instructions,
            tools=tools,
            tool_choice=choice,
            parallel_tool_calls=parallel,
        )
    )


def rules(**settings: object) -> str:
    return rendered(**settings).instructions or ""  # type: ignore[arg-type]


def test_functions_are_told_in_the_instructions() -> None:
    asked = rendered(user("Hi."), instructions="Be kind.", tools=(DRAW, BARE))
    assert asked.tools == ()
    assert asked.tool_choice == "auto"
    assert asked.items == (user("Hi."),)
    told = asked.instructions or ""
    assert told.startswith("Be kind.\n\n# Functions\n")
    *_, draw, bare = told.splitlines()
    assert json.loads(draw) == {
        "name": "draw",
        "description": "Paints.",
        "parameters": {"type": "object"},
    }
    assert json.loads(bare) == {"name": "bare"}


def test_how_many_blocks_there_may_be_is_told() -> None:
    assert "Several blocks" in rules()
    assert "one block at most" in rules(parallel=False)


@pytest.mark.parametrize(
    ("choice", "end"),
    [
        (NamedChoice("draw"), "must call draw: it must end with such a block."),
        ("required", "must call a function: it must end with such a block."),
    ],
)
def test_a_forced_call_is_demanded(choice: ToolChoice, end: str) -> None:
    assert rules(choice=choice).endswith(end)


def test_where_nothing_may_be_called_nothing_is_told() -> None:
    assert rendered(choice="none").instructions is None
    assert rendered(tools=(), instructions="Be kind.").instructions == "Be kind."


def test_calls_and_results_become_words_of_both_sides() -> None:
    call = FunctionCall("call_1", "draw", '{"prompt": "a cat"}')
    said, result = rendered(
        user("Draw a cat."),
        Reasoning("Hm."),
        Message("assistant", (TextPart("One moment."),)),
        call,
        FunctionCallOutput("call_1", (TextPart('{"ok":true}'), CAT)),
        user("Thanks."),
    ).items[1:]
    assert isinstance(said, Message)
    words, block = said.parts
    assert words == TextPart("One moment.")
    assert isinstance(block, TextPart)
    assert block.text.startswith("```tool_call\n")
    assert block.text.endswith("\n```")
    assert read_call(block.text[12:-3], ()) == ("draw", '{"prompt": "a cat"}')
    assert result == user("Result of draw:", '{"ok":true}', CAT, "Thanks.")


def test_roles_take_turns() -> None:
    call = FunctionCall("call_1", "bare", "")
    system = Message("system", (TextPart("Rules."),))
    items = rendered(
        user("a"),
        user("b"),
        system,
        Message("assistant", ()),
        call,
        FunctionCallOutput("other", ()),
        Opaque({"type": "x"}),
    ).items
    roles = [item.role if isinstance(item, Message) else "opaque" for item in items]
    assert roles == ["user", "system", "assistant", "user", "opaque"]
    assert items[0] == user("a", "b")
    assert items[3] == user("Result of other:")

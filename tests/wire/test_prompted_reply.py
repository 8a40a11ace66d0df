from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    ReasoningDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.prompted_reply import (
    MAX_BLOCK_CHARS,
    Block,
    CallBlocks,
    PromptedReply,
    read_call,
)

DRAW = '{"name": "draw", "arguments": {"prompt": "a cat"}}'
NAMES = ("draw", "look_up")


def read(*texts: str) -> list[str | Block]:
    """What comes of a text in pieces, neighbouring texts joined."""
    blocks = CallBlocks()
    pieces = [piece for text in texts for piece in blocks.feed(text)]
    joined: list[str | Block] = []
    for piece in (*pieces, blocks.flush()):
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece:
            joined.append(piece)
    return joined


def heard(*events: TurnEvent, names: Iterable[str] = NAMES) -> list[TurnEvent]:
    reply = PromptedReply(tuple(names), id_prefix="call", adjustments=("prompted",))
    return [read for event in events for read in reply.feed(event)]


@pytest.mark.parametrize(
    "text",
    [
        f"```tool_call\n{DRAW}\n```",
        f"``` tool_call\n{DRAW}\n```",
        f"<tool_call>\n{DRAW}\n</tool_call>",
        f"<tool_call>{DRAW}</tool_call>",
        f"```tool_call {DRAW}```",
        f"```tool_call\n{DRAW}",
        f"<tool_call>{DRAW}\n",
    ],
)
def test_a_block_is_a_call_in_every_form(text: str) -> None:
    (block,) = read(text)
    assert isinstance(block, Block)
    assert read_call(block.body, NAMES) == ("draw", '{"prompt": "a cat"}')


def test_text_around_blocks_is_text_without_the_spaces_between() -> None:
    text = (
        f"One moment.\n\n```tool_call\n{DRAW}\n```\n\nAnd:\n<tool_call>{DRAW}</tool_call>\n Done. "
    )
    first, call, second, again, last = read(text)
    assert (first, second, last) == ("One moment.", "And:", "Done.")
    assert isinstance(call, Block)
    assert isinstance(again, Block)


def test_marks_within_a_string_of_the_arguments_do_not_end_the_block() -> None:
    inside = '{"name": "draw", "arguments": {"prompt": "the words ``` and {}``` on a wall"}}'
    (block,) = read(f"```tool_call\n{inside}\n```")
    assert block == Block(f"\n{inside}\n")
    (element,) = read('<tool_call>{"name": "draw", "arguments": "</tool_call>"}</tool_call>')
    assert element == Block('{"name": "draw", "arguments": "</tool_call>"}')


@pytest.mark.parametrize(
    "text", ["```python\nprint()\n```", "a < b", "``", "<tool_cal", "``` tool\n", "x```tool_ca"]
)
def test_other_blocks_are_text(text: str) -> None:
    assert read(text) == [text.rstrip()]


def test_endless_spaces_are_not_held_back() -> None:
    blocks = CallBlocks()
    assert "".join(map(str, blocks.feed("a" + " " * 200))) == "a" + " " * 136


@given(st.data())
def test_the_pieces_of_a_text_do_not_matter(data: st.DataObject) -> None:
    marks = ["```tool_call\n", "```", "\n```\n", "<tool_call>", "</tool_call>", DRAW, "\n", " "]
    text = "".join(data.draw(st.lists(st.sampled_from([*marks, "words", "`", "<tool", "{", "}"]))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(*pieces) == read(text)


@given(st.text(), st.text(alphabet="`<>tool_call/\n {}\"':,abc"))
def test_no_mark_of_a_call_reaches_the_client(before: str, after: str) -> None:
    text = before + f"```tool_call\n{DRAW}\n```" + after
    for piece in read(*text):
        if isinstance(piece, str):
            assert "```tool_call" not in piece
            assert "<tool_call>" not in piece


@given(st.text(max_size=300), st.lists(st.sampled_from(NAMES), unique=True))
def test_whatever_a_block_holds_is_a_call_that_can_be_encoded(body: str, names: list[str]) -> None:
    name, arguments = read_call(body.encode(errors="replace").decode(), names)
    assert (name + arguments).encode()
    assert name


@pytest.mark.parametrize(
    ("body", "call"),
    [
        ('{"name": "f", "parameters": {"a": 1}}', ("f", '{"a": 1}')),
        ('{"name": "f", "args": null}', ("f", "{}")),
        ('{"name": "f", "arguments": "{\\"a\\": 1}"}', ("f", '{"a": 1}')),
        ('{"name": "f", "a": 1}', ("f", '{"a": 1}')),
        ('{"name": "f"}', ("f", "{}")),
        ('{"type": "function", "function": {"name": "f", "arguments": {}}}', ("f", "{}")),
        ("{'name': 'f', 'arguments': {'a': 1,}", ("f", '{"a": 1}')),
        ('{"name": "\\ud83d"}', ("?", "{}")),
        ('{"prompt": "a cat"}', ("(unnamed)", '{"prompt": "a cat"}')),
        ("draw a cat", ("(unnamed)", "draw a cat")),
        ("\n", ("(unnamed)", "{}")),
    ],
)
def test_a_crooked_call_is_understood(body: str, call: tuple[str, str]) -> None:
    assert read_call(body, ("f", "g")) == call


def test_the_only_function_need_not_be_named() -> None:
    assert read_call('{"prompt": "a cat"}', ("draw",)) == ("draw", '{"prompt": "a cat"}')
    assert read_call("[1]", ("draw",)) == ("draw", "[1]")


def test_a_reply_becomes_words_and_calls() -> None:
    events = heard(
        ReasoningDelta("Hm."),
        TextDelta("One "),
        TextDelta("moment.\n```tool"),
        TextDelta(f"_call\n{DRAW}\n`"),
        TextDelta("``\n"),
        TurnEnded(Usage(1, 2), adjustments=("other",)),
    )
    assert events == [
        ReasoningDelta("Hm."),
        TextDelta("One"),
        TextDelta(" moment."),
        CallStarted("block_0", "call_0", "draw"),
        CallDelta("block_0", '{"prompt": "a cat"}'),
        CallEnded("block_0", '{"prompt": "a cat"}'),
        TurnEnded(Usage(1, 2), adjustments=("other", "prompted")),
    ]


def test_a_call_that_a_limit_cut_short_is_none() -> None:
    cut = TurnEnded(incomplete="max_output_tokens")
    told = TurnEnded(incomplete="max_output_tokens", adjustments=("prompted",))
    assert heard(TextDelta("Well. ```tool_call\n{"), cut) == [TextDelta("Well."), told]
    assert heard(TextDelta("Well. ``"), cut) == [TextDelta("Well."), TextDelta(" ``"), told]


def test_a_failure_ends_the_reply() -> None:
    failed = TurnFailed("gone")
    assert heard(TextDelta("```tool_call"), failed) == [failed]


def test_an_endless_call_fails_the_turn() -> None:
    reply = PromptedReply(NAMES, id_prefix="call", adjustments=("prompted",))
    endless = TextDelta("```tool_call\n" + json.dumps("x" * MAX_BLOCK_CHARS))
    (failed,) = reply.feed(endless)
    assert isinstance(failed, TurnFailed)
    assert reply.is_finished

"""The Harmony format, as gpt-oss should write it and as it does."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire.harmony_parser import (
    MAX_HEADER_CHARS,
    TOKENS,
    HarmonyParser,
    MessageContent,
    MessageEnded,
    MessageEvent,
    MessageStarted,
)

ARGUMENTS = '{"prompt": "a cat"}'
Said = tuple[str, str | None, str, bool]


def read(*pieces: str, is_cut: bool = False) -> list[Said]:
    """The messages of a reply: channel, recipient, content, and whether each came to its end."""
    parser = HarmonyParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return gathered([*events, *parser.flush(is_cut=is_cut)])


def gathered(events: list[MessageEvent]) -> list[Said]:
    said: list[Said] = []
    is_open = False
    for event in events:
        match event:
            case MessageStarted(channel, recipient):
                assert not is_open
                said.append((channel, recipient, "", False))
                is_open = True
            case MessageContent(text):
                assert is_open
                assert text
                said[-1] = (*said[-1][:2], said[-1][2] + text, False)
            case MessageEnded():
                assert is_open
                said[-1] = (*said[-1][:3], True)
                is_open = False
    return said


def words(channel: str, text: str) -> Said:
    return (channel, None, text, True)


def a_call(recipient: str = "functions.draw", channel: str = "commentary") -> Said:
    return (channel, recipient, ARGUMENTS, True)


def test_thoughts_a_preamble_and_a_call() -> None:
    assert read(
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>I will.<|end|>"
        "<|start|>assistant<|channel|>commentary to=functions.draw <|constrain|>json<|message|>"
        f"{ARGUMENTS}<|call|>"
    ) == [words("analysis", "Hm."), words("commentary", "I will."), a_call()]


def test_thoughts_and_an_answer() -> None:
    assert read(
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Hello.<|return|>"
    ) == [words("analysis", "Hm."), words("final", "Hello.")]


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>commentary to=functions.draw <|constrain|>json",
        " to=functions.draw<|channel|>commentary <|constrain|>json",
        " to=functions.draw<|channel|>commentary json",
        "<|channel|>commentary to=functions.draw<|constrain|>json",
        "<|channel|>commentary to=functions.draw code",
        "assistant to=functions.draw<|channel|>commentary",
        " to=functions.draw",
        # A run-together or repeated channel; words that mean nothing.
        "<|channel|>commentaryjson to=functions.draw",
        "<|channel|>commentary<|channel|>analysis to=functions.draw",
        " so then<|channel|>commentary please to=functions.draw  now<|constrain|>",
        "<|channel|>thinking to=functions.draw",
    ],
)
def test_a_header_may_be_written_in_many_ways(header: str) -> None:
    assert read(f"{header}<|message|>{ARGUMENTS}<|call|>") == [a_call()]


# What parsers have been seen to fail at, by what they said or did.
FAILURES = {
    "unexpected tokens remaining in message header": (
        " to=functions.draw<|channel|>commentary to=functions.draw <|constrain|>json"
        f"<|message|>{ARGUMENTS}<|call|>",
        [a_call()],
    ),
    "two recipients": (
        f"<|channel|>commentary to=assistant to=functions.draw<|message|>{ARGUMENTS}<|call|>",
        [a_call()],
    ),
    "Unknown recipient: None": (
        f"<|channel|>commentary <|constrain|>json<|message|>{ARGUMENTS}<|call|>",
        [words("commentary", ARGUMENTS)],
    ),
    "Unexpected token, expecting start token: output after the call": (
        f"<|channel|>commentary to=functions.draw<|message|>{ARGUMENTS}<|call|>"
        '<|start|>functions.draw to=assistant<|channel|>commentary<|message|>{"ok": true}<|end|>'
        "<|start|>assistant<|channel|>final<|message|>Done.<|return|>",
        [a_call()],
    ),
    "Unexpected token, expecting start token: output after the return": (
        "<|channel|>final<|message|>Hi.<|return|>And more.<|start|>user<|message|>Go on.",
        [words("final", "Hi.")],
    ),
    "Unexpected token, expecting start token: no start": (
        "<|channel|>analysis<|message|>Hm.<|end|>assistant<|channel|>final<|message|>Hi.<|return|>",
        [words("analysis", "Hm."), words("final", "Hi.")],
    ),
    "a call on analysis, of type code": (
        f"<|channel|>analysis to=functions.draw code<|message|>{ARGUMENTS}<|call|>",
        [a_call(channel="analysis")],
    ),
    "a call on final": (
        f"<|channel|>final to=functions.draw<|message|>{ARGUMENTS}<|call|>",
        [a_call(channel="final")],
    ),
    "all text is in analysis": (
        "<|channel|>analysis<|message|>The answer is 4.<|return|>",
        [words("analysis", "The answer is 4.")],
    ),
    "no end": (
        "<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Hi.<|return|>",
        [words("analysis", "Hm."), words("final", "Hi.")],
    ),
    "no end, but a start": (
        "<|channel|>analysis<|message|>Hm.<|start|>assistant<|channel|>final<|message|>Hi.",
        [words("analysis", "Hm."), words("final", "Hi.")],
    ),
    "no header at all": ("Hello there.<|return|>", [words("commentary", "Hello there.")]),
    "no header, but a word of one": ("code is it.<|end|>", [words("commentary", "code is it.")]),
    "no message token": ("<|channel|>final Hello.<|return|>", [words("final", "Hello.")]),
    "no message token before arguments": (
        f"<|channel|>commentary to=functions.draw <|constrain|>json{ARGUMENTS}<|call|>",
        [a_call()],
    ),
    "a call of nothing": (
        "<|channel|>commentary to=functions.draw<|call|>",
        [("commentary", "functions.draw", "", True)],
    ),
    "a header of nothing": ("<|channel|>analysis<|end|>assistant", []),
    "the message token twice": (
        "<|channel|>final<|message|><|message|>Hi.<|return|>",
        [words("final", "Hi.")],
    ),
    "a type within the content": (
        "<|channel|>final<|message|>Hi.<|constrain|>json<|message|>{}<|return|>",
        [words("final", "Hi."), words("commentary", "{}")],
    ),
    "the end of all text": (
        "<|channel|>final<|message|>Hi.<|endoftext|>x",
        [words("final", "Hi.")],
    ),
    "a user who was made up": (
        "<|channel|>final<|message|>Hi.<|end|><|start|>user<|message|>Paint!<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Done.<|return|>",
        [words("final", "Hi."), words("final", "Done.")],
    ),
    "a result that was made up": (
        "<|channel|>analysis<|message|>Hm.<|end|>"
        "<|start|>images.generate to=assistant<|channel|>commentary<|message|>{}<|end|>",
        [words("analysis", "Hm.")],
    ),
}


@pytest.mark.parametrize(("reply", "said"), FAILURES.values(), ids=FAILURES)
def test_what_other_parsers_fail_at_is_read(reply: str, said: list[Said]) -> None:
    assert read(reply) == said


@given(st.sampled_from(list(FAILURES.values())), st.lists(st.integers(0, 300), max_size=6))
def test_cuts_change_nothing(failure: tuple[str, list[Said]], cuts: list[int]) -> None:
    reply, said = failure
    places = [0, *sorted(min(cut, len(reply)) for cut in cuts), len(reply)]
    pieces = [reply[a:b] for a, b in pairwise(places)]
    assert read(*pieces) == said


SPELT = st.sampled_from([f"<|{name}|>" for name in TOKENS.values()])
ODDITIES = st.sampled_from(
    [
        "assistant",
        " to=functions.draw",
        " to=",
        "analysis",
        "commentary ",
        "final",
        "json",
        "<|",
        "|>",
    ]
)
GARBAGE = st.lists(SPELT | ODDITIES | st.text(max_size=8) | st.just("word " * 100), max_size=20)


@given(GARBAGE, st.booleans(), st.data())
def test_garbage_is_read_the_same_however_it_is_cut(
    pieces: list[str], is_cut: bool, data: st.DataObject
) -> None:
    text = "".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    again = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert read(text, is_cut=is_cut) == read(*again, is_cut=is_cut) == read(*text, is_cut=is_cut)


@given(st.text())
def test_words_without_any_token_are_an_answer(text: str) -> None:
    said = read(f"<|channel|>final<|message|>{text}")
    assert said == [words("final", text)] or "<|" in text


def test_a_long_text_without_a_header_is_not_held_back_for_ever() -> None:
    text = "Once upon a time. " * (MAX_HEADER_CHARS // 10)
    parser = HarmonyParser()
    assert parser.feed(text)
    assert read(text) == [words("commentary", text)]


def test_many_words_that_mean_nothing_are_passed_over() -> None:
    assert read("assistant " * MAX_HEADER_CHARS + "<|message|>Hi.") == [words("commentary", "Hi.")]


def test_content_comes_as_it_is_written() -> None:
    parser = HarmonyParser()
    assert parser.feed("<|channel|>final<|mess") == []
    assert parser.feed("age|>a <") == [MessageStarted("final", None), MessageContent("a ")]
    assert parser.feed("b<|x") == [MessageContent("<b")]
    assert parser.feed("y|> <|end") == [MessageContent("<|xy|> ")]
    assert parser.feed("|>") == [MessageEnded()]
    assert not parser.is_over


def test_a_message_that_is_cut_short_has_no_end() -> None:
    assert read("<|channel|>final<|message|>Hi", is_cut=True) == [("final", None, "Hi", False)]
    assert read("<|channel|>final<|message|>Hi<", is_cut=False) == [words("final", "Hi<")]
    assert read("<|channel|>commentary to=functions.draw", is_cut=True) == [
        ("commentary", "functions.draw", "", False)
    ]


def test_after_the_end_nothing_is_read() -> None:
    parser = HarmonyParser()
    parser.feed("<|channel|>final<|message|>Hi.<|return|>")
    assert parser.is_over
    assert parser.feed("<|start|>assistant<|message|>x") == parser.flush() == []


NUMBERS = {name: number for number, name in TOKENS.items()}
BYTES = {1: b"Hi ", 2: b"\xf0\x9f", 3: b"\x90\x88", 4: b"<|call|>", 5: b"final", 6: b"\xff"}


def decode(tokens: object) -> str:
    assert isinstance(tokens, list)
    return b"".join(BYTES[token] for token in tokens).decode(errors="replace")


def read_tokens(*tokens: int) -> list[Said]:
    parser = HarmonyParser(decode)
    start = [NUMBERS["channel"], 5, NUMBERS["message"]]
    return gathered([*parser.feed_tokens([*start, *tokens]), *parser.flush()])


def test_tokens_are_read_and_what_only_looks_like_one_is_text() -> None:
    assert read_tokens(1, 4, NUMBERS["return"], 1) == [words("final", "Hi <|call|>")]


def test_a_character_of_several_tokens_is_put_together() -> None:
    assert read_tokens(1, 2, 3) == [words("final", "Hi 🐈")]


def test_half_a_character_is_shown_as_such_in_the_end() -> None:
    assert read_tokens(2, NUMBERS["end"]) == [words("final", "\ufffd")]
    assert read_tokens(2) == [words("final", "\ufffd")]
    assert read_tokens(6, 6, 6, 6, 1) == [words("final", "\ufffd" * 4 + "Hi ")]


@given(st.lists(st.sampled_from([*TOKENS, *BYTES]), max_size=40), st.booleans())
def test_tokens_in_any_order_are_read(tokens: list[int], is_cut: bool) -> None:
    parser = HarmonyParser(decode)
    one_by_one = [event for token in tokens for event in parser.feed_tokens([token])]
    one_by_one += parser.flush(is_cut=is_cut)
    again = HarmonyParser(decode)
    at_once = [*again.feed_tokens(tokens), *again.flush(is_cut=is_cut)]
    assert gathered(one_by_one) == gathered(at_once)

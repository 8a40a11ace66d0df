"""The tokenizer: many spellings, few words, and no text that it cannot take."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import tokenizer
from training.words import MEANINGS


def words(text: str) -> list[str]:
    return [str(token) for token in tokenizer.build().tokenize(text)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("a red circle above a blue square on a yellow background",
         "red circle above blue square on yellow background"),
        ("Draw me A CRIMSON disc, please!", "red circle"),
        ("2 golden stars", "two yellow star"),
        ("a kitten", "cat"),
        ("нарисуй красный круг над синим квадратом на жёлтом фоне",
         "red circle above blue square on yellow background"),
        ("три зелёных звезды", "three green star"),
        ("закат над морем и лодка", "sunset above sea and boat"),
        ("красный шарик", "red balloon"),
        ("кот", "cat"),
    ],
)  # fmt: skip
def test_spellings_come_down_to_words(said: str, meant: str) -> None:
    assert words(said) == meant.split()


@pytest.mark.parametrize("word", MEANINGS)
def test_every_word_means_itself(word: str) -> None:
    assert words(word) == [word]


@pytest.mark.parametrize(
    "text", ["", " ", "🦄🌈", "zebra", "гиппопотам", "\x00\n", "<unk>", "é" * 5000]
)
def test_any_text_gets_its_slots(text: str) -> None:
    ids = tokenizer.build()(tokenizer.with_slots(text), truncation=True).input_ids
    slots = tokenizer.build().convert_tokens_to_ids(list(tokenizer.SLOT_TOKENS))
    assert ids[-len(slots) :] == slots


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    made = tokenizer.build()(tokenizer.with_slots(text), truncation=True)
    assert len(made.input_ids) >= len(tokenizer.SLOT_TOKENS)


@pytest.mark.parametrize("text", ["red circle and " * 2000, "zebra " * 9000, "a" * 90000])
def test_a_long_prompt_keeps_its_slots_and_fills_one_block(text: str) -> None:
    fast = tokenizer.build()
    ids = fast(tokenizer.with_slots(text)).input_ids
    assert len(ids) <= 32
    assert fast.convert_ids_to_tokens(ids)[-len(tokenizer.SLOT_TOKENS) :] == list(
        tokenizer.SLOT_TOKENS
    )


def test_words_that_mean_nothing_to_it_are_dropped() -> None:
    said = "A breathtaking digital artwork: one shiny crimson sphere-like circle, trending, 8k!"
    assert words(said) == ["one", "red", "circle"]


def test_the_chat_template_takes_what_the_pipeline_gives() -> None:
    text = tokenizer.build().apply_chat_template(
        [{"role": "user", "content": "a cat"}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=True,
    )
    assert text == tokenizer.with_slots("a cat")

"""The rules against labelled utterances; `benchmarks/intent_rules.py` prints the whole table."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.intent_rules import (
    LANGUAGES,
    LAST_PROMPT,
    ORDERS,
    Utterance,
    both,
    kind_of,
    precision_recall,
    report,
    utterances,
)
from limner.upstreams.intent_rules import NAMES, Draw, Edit, Retry, Talk, language_of

TUNING = list(utterances("tuning"))
HELD_OUT = [*utterances("held_out"), *utterances("held_out_2")]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "intent.md"


@pytest.mark.parametrize("utterance", TUNING, ids=lambda utterance: utterance.text)
def test_a_known_utterance_is_understood(utterance: Utterance) -> None:
    decision = utterance.decide()
    assert kind_of(decision) == utterance.label
    if utterance.prompt:
        assert decision in (
            Draw(utterance.prompt),
            Edit(utterance.prompt),
        )


def test_held_out_utterances_are_understood_well_enough() -> None:
    table = Counter((u.label, kind_of(u.decide())) for u in HELD_OUT)
    precision, recall = precision_recall(table, ORDERS)
    assert precision >= 0.98
    assert recall >= 0.95


def test_the_docs_show_what_is_measured() -> None:
    for name in ("held_out", "held_out_2"):
        assert report(name) in DOCS.read_text("utf-8")
    assert both() in DOCS.read_text("utf-8")


def test_the_set_is_large_hard_and_never_judged_twice() -> None:
    texts = [utterance.text for utterance in (*TUNING, *HELD_OUT)]
    assert len(texts) == len(set(texts)) >= 600
    assert sum(u.label == "talk" for u in (*TUNING, *HELD_OUT)) >= 120


@pytest.mark.parametrize("utterance", TUNING, ids=lambda utterance: utterance.text)
def test_the_language_is_heard(utterance: Utterance) -> None:
    language = language_of(utterance.text, LANGUAGES)
    assert NAMES[LANGUAGES.index(language)] == utterance.language


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("draw a café in Paris", "en"),
        ("нарисуй кота в ASCII", "ru"),
        ("用 Python 画一个圆", "zh"),
        ("猫を描いてください", "en"),
        ("xyzzy", "en"),
    ],
)
def test_a_mixed_or_foreign_text_is_answered_in_the_nearest_language(text: str, name: str) -> None:
    assert NAMES[LANGUAGES.index(language_of(text, LANGUAGES))] == name


@pytest.mark.parametrize(
    "utterance", [u for u in TUNING if u.label == "talk"], ids=lambda utterance: utterance.text
)
def test_talk_paints_nothing_in_the_middle_of_a_conversation(utterance: Utterance) -> None:
    decision = language_of(utterance.text, LANGUAGES).decide(utterance.text, LAST_PROMPT)
    assert isinstance(decision, Talk) or decision == Edit(None)


@pytest.mark.parametrize(
    ("text", "last", "prompt"),
    [
        ("make it yellow", "a red cat", "a yellow cat"),
        ("make it yellow", "a red cat on a blue sofa", "a red cat on a blue sofa, yellow"),
        ("make the cat yellow", "a red cat on a blue sofa", "a yellow cat on a blue sofa"),
        ("make it blue", "a red cat on a white background", "a blue cat on a white background"),
        (
            "make the background blue",
            "a red cat on a white background",
            "a red cat on a blue background",
        ),
        ("сделай его синим", "красный кот на белом фоне", "синим кот на белом фоне"),
        ("hazlo azul", "un gato rojo sobre fondo blanco", "un gato azul sobre fondo blanco"),
        ("改成蓝色", "白色背景上的红色圆形", "白色背景上的蓝色圆形"),
        ("make the background white", "a red cat", "a red cat, white background"),
        ("add a hat", "a cat", "a cat, with a hat"),
        ("mach das Auto rot", "ein Auto", "ein Auto, rot Auto"),
        ("hazlo verde", "un gato rojo", "un gato verde"),
        ("把它变成蓝色", "一只红色的猫", "一只蓝色的猫"),
    ],
)
def test_a_change_makes_a_new_prompt(text: str, last: str, prompt: str) -> None:
    assert language_of(text, LANGUAGES).decide(text, last) == Edit(prompt)


def test_only_what_tells_more_about_the_picture_joins_the_prompt() -> None:
    text = "Draw a cat. It is black! Is that possible? Thanks a lot."
    assert LANGUAGES[0].decide(text) == Draw("a cat. It is black")


def test_a_change_without_a_picture_is_no_order() -> None:
    assert language_of("make it blue", LANGUAGES).decide("make it blue") == Talk("help")
    assert language_of("again", LANGUAGES).decide("again", "a cat") == Retry("a cat")


@given(st.text(max_size=300), st.none() | st.text(min_size=1, max_size=50))
def test_any_text_gets_a_decision(text: str, last_prompt: str | None) -> None:
    for language in LANGUAGES:
        decision = language.decide(text, last_prompt)
        if isinstance(decision, Talk):
            assert decision.say in language.say


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("dibuja un avion", "un avion"),
        ("pinta un arbol", "un arbol"),
        ("給我畫一隻小貓", "一隻小貓"),
        ("請生成一張夜景的圖片", "夜景"),
        ("нарисуй еще ежа и елку", "ежа и елку"),
    ],
)
def test_what_people_write_in_place_of_a_letter_is_read(text: str, prompt: str) -> None:
    assert language_of(text, LANGUAGES).decide(text) == Draw(prompt)


def test_all_languages_can_say_the_same() -> None:
    assert len({frozenset(language.say) for language in LANGUAGES}) == 1


@pytest.mark.parametrize("more", [" and a cat" * 1000, "x" * 5000, "\n- a cat" * 1000])
def test_a_long_order_is_painted_whole(more: str) -> None:
    decision = LANGUAGES[0].decide(f"Draw a dog{more}")
    assert isinstance(decision, Draw)
    assert decision.prompt.startswith("a dog")
    assert decision.prompt.count("a cat") == more.count("a cat")


def test_a_long_message_costs_no_more_than_its_beginning() -> None:
    for text in (
        "draw " * 200_000,
        "a " * 500_000,
        "please " * 100_000,
        "(" * 500_000,
        "нарисуй, " * 100_000,
        "zeichne mir " * 100_000,
        "dibuja " * 100_000,
        "画一张" * 100_000,
    ):
        language_of(text, LANGUAGES).decide(text, "a cat")

"""Names of pictures' files, and texts as they are searched for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.core.gallery import KeptPicture, folded

FOX = KeptPicture("ig_1", "resp_1", 1_795_305_480.5, "d", "png", prompt="a red fox", seed=42)


def test_a_file_is_named_by_time_prompt_and_seed() -> None:
    assert FOX.filename("png") == "2026-11-21_2358_a-red-fox_s42.png"
    assert FOX.filename("webp") == "2026-11-21_2358_a-red-fox_s42.webp"
    assert replace(FOX, prompt=None, seed=None).filename("png") == "2026-11-21_2358.png"


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ('A "Red"\n fox: 50% / <b>', "a-red-fox-50-b"),
        ("../../etc/passwd", "etc-passwd"),
        ("Лиса в снегу", "лиса-в-снегу"),
        (
            "one two three four five six seven eight nine ten",
            "one-two-three-four-five-six-seven-eight",
        ),
        ("x" * 99, "x" * 40),
        ("…", ""),
    ],
)
def test_a_name_has_the_first_words_and_nothing_that_a_path_could_mean(
    prompt: str, name: str
) -> None:
    said = f"_{name}" if name else ""
    made = replace(FOX, prompt=prompt).filename("jpeg")
    assert made == f"2026-11-21_2358{said}_s42.jpeg"


@pytest.mark.parametrize(
    ("one", "other"), [("ЛИСА", "лиса"), ("Straße", "STRASSE"), ("ﬁre", "FIRE"), ("Ａ", "a")]
)
def test_letters_of_any_case_are_the_same_in_searches(one: str, other: str) -> None:
    assert folded(one) == folded(other)

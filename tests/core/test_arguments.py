from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.arguments import dump, parse_arguments

SIMPLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), SIMPLE))
def test_json_is_read_as_it_stands(value: dict[str, object]) -> None:
    assert parse_arguments(json.dumps(value)) == value


@given(st.text(alphabet="{}[]\"'\\:, \nabn1"))
def test_no_text_is_too_crooked(text: str) -> None:
    assert isinstance(parse_arguments(text), dict | None)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_a_call_without_arguments(text: str) -> None:
    assert parse_arguments(text) == {}


@pytest.mark.parametrize(
    "text", ["null", "[]", "7", '"a cat"', "a cat", "{nonsense}", "[" * 100_000]
)
def test_what_is_no_object_stays_none(text: str) -> None:
    assert parse_arguments(text) is None


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ('```json\n{"prompt": "a cat"}\n```', "a cat"),
        ('Sure! {"prompt": "a cat"} I hope {you} like it', "a cat"),
        ("{'prompt': 'a cat'}", "a cat"),
        ("{'prompt': 'the cat\\'s hat'}", "the cat's hat"),
        ("{'prompt': 'the cat's hat'}", "the cat's hat"),
        ('{"prompt": "a cat",}', "a cat"),
        ('{"prompt": "a cat", "tags": ["a", "b", ], }', "a cat"),
        ('{"prompt": "a cat"', "a cat"),
        ('{"prompt": "a ca', "a ca"),
        ('{"prompt": "a ca\\', "a ca"),
        ('{"prompt": "a cat", ', "a cat"),
        ('{"prompt": "two\nlines"}', "two\nlines"),
        ('{"prompt": "a sign saying "open" on a door"}', 'a sign saying "open" on a door'),
        ("{'prompt': 'a \"cat\"'}", 'a "cat"'),
        ('{"prompt": "tab\\t and \\u00e9", }', "tab\t and é"),
        ('"{\\"prompt\\": \\"a cat\\"}"', "a cat"),
    ],
)
def test_common_faults_are_mended(text: str, prompt: str) -> None:
    arguments = parse_arguments(text)
    assert arguments is not None
    assert arguments["prompt"] == prompt


def test_half_a_surrogate_pair_does_not_get_out() -> None:
    assert dump({"prompt": "a \ud83d кот 😀"}) == '{"prompt": "a ? кот 😀"}'

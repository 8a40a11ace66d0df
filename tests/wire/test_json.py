from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
from limner.wire import json


def refusal(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        json.load_body(body)
    assert caught.value.status == 400
    return caught.value


def test_an_object_is_read() -> None:
    assert json.load_body(b'{"a": [1, 2.5, "\xc3\xb6", null, true]}') == {
        "a": [1, 2.5, "ö", None, True]
    }


def test_the_last_of_repeated_names_counts() -> None:
    assert json.load_body(b'{"a": 1, "a": 2}') == {"a": 2}


def test_broken_json_is_refused_with_line_and_column() -> None:
    error = refusal(b'{"a":\n 1,}')
    assert error.code == "invalid_json"
    assert "line 2 column 3" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{} {}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b"{'a': 1}",
        b'{"a": 01}',
        b'{"a":' + b"[" * 2000,
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    assert refusal(body).code == "invalid_json"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"1", "a number"),
        (b"1.5", "a number"),
        (b'"a"', "a string"),
        (b"[]", "an array"),
    ],
)
def test_a_body_that_is_no_object_is_refused_by_what_it_is(body: bytes, named: str) -> None:
    error = refusal(body)
    assert error.code == "invalid_type"
    assert error.message == f"The request body must be a JSON object, got {named}."


def test_an_object_is_called_an_object() -> None:
    assert json.type_name({}) == "an object"


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def test_nesting_is_accepted_up_to_the_limit_and_can_be_written_again() -> None:
    value = json.load_body(nested(json.MAX_DEPTH))
    assert json.dump(value) == nested(json.MAX_DEPTH)


def test_deeper_nesting_is_refused() -> None:
    assert "nested deeper than 128 levels" in refusal(nested(json.MAX_DEPTH + 1)).message


def test_what_json_cannot_say_is_a_mistake_of_the_writer() -> None:
    with pytest.raises(TypeError):
        json.dump(object())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_was_written_is_read_again(value: object) -> None:
    text = json.dump(value)
    assert b"\n" not in text
    assert json.load(text) == value

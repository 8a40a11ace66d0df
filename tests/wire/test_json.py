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
    assert json.load(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "a", "model": "b"}',
        b'{"model": "a", "mod\\u0065l": "b"}',
        b' {"a": {"b": [1, {"c": 2}]}, "a":{}} ',
        b'{"a": "\\\\", "b": "\\"", "a": null}',
    ],
)
def test_a_field_of_a_body_may_not_be_named_twice(body: bytes) -> None:
    error = refusal(body)
    assert error.code == "invalid_json"
    assert "names a field twice" in error.message


def test_deeper_in_a_body_the_last_of_repeated_names_counts() -> None:
    body = b'{"a": {"b": 1, "b": [{"c": "}{:,"}]}, "\\"": ":", "c": [[], {}]}'
    assert json.load_body(body) == {"a": {"b": [{"c": "}{:,"}]}, '"': ":", "c": [[], {}]}


@pytest.mark.parametrize("body", [b'{"a": "x\\u0000"}', b'{"\\u0000": 1}', b'{"a": [["\\u0000"]]}'])
def test_the_character_nul_is_refused(body: bytes) -> None:
    assert "NUL" in refusal(body).message


def test_a_backslash_before_digits_is_not_that_character() -> None:
    assert json.load_body(b'{"a": "\\\\u0000"}') == {"a": "\\u0000"}


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**30, -(10**200)])
def test_integers_beyond_64_bits_are_refused(number: int) -> None:
    assert "beyond 64 bits" in refusal(b'{"a": [1, %d]}' % number).message


@pytest.mark.parametrize(
    "number", ["9223372036854775807", "-9223372036854775808", "0.12345678901234567890123", "1e19"]
)
def test_all_others_are_numbers(number: str) -> None:
    (value,) = json.load_body(b'{"a": %b}' % number.encode()).values()
    assert value == (int(number) if number.strip("-").isdecimal() else float(number))
    assert json.load_body(b'{"a": "%b"}' % (b"9" * 40)) == {"a": "9" * 40}


def test_so_many_values_are_accepted_and_no_more() -> None:
    body = b'{"a": [%b]}' % b",".join([b"1"] * (json.BODY_MAX_VALUES - 2))
    assert len(json.load_body(body)["a"]) == json.BODY_MAX_VALUES - 2
    assert f"more than {json.BODY_MAX_VALUES} values" in refusal(body[:-2] + b",1,1]}").message
    assert "values" in refusal(b"[" + b"[]," * 1_000_000).message


def test_commas_in_strings_are_no_values() -> None:
    text = ",[{" * json.BODY_MAX_VALUES
    assert json.load_body(json.dump({"a": text})) == {"a": text}


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
    for load, limit in ((json.load, json.MAX_DEPTH), (json.load_body, json.BODY_MAX_DEPTH)):
        assert json.dump(load(nested(limit))) == nested(limit)


def test_deeper_nesting_is_refused() -> None:
    assert "nested deeper than 64 levels" in refusal(nested(json.BODY_MAX_DEPTH + 1)).message
    with pytest.raises(ValueError, match="nested deeper than 128 levels"):
        json.load(nested(json.MAX_DEPTH + 1))


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
    max_leaves=20,
)


@given(JSON)
def test_what_was_written_is_read_again(value: object) -> None:
    text = json.dump(value)
    assert b"\n" not in text
    assert json.load(text) == value


@given(st.dictionaries(st.text(), JSON))
def test_every_body_that_was_written_is_read_again(value: dict[str, object]) -> None:
    text = json.dump(value)
    if b"\\u0000" in text:
        value = {"none": True}
        text = json.dump(value)
    assert json.load_body(text) == value

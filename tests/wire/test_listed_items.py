"""A client's own input as it is kept and listed."""

from __future__ import annotations

from limner.wire.listed_items import as_it_came, listed_items


def test_a_text_is_one_message_of_the_user() -> None:
    assert listed_items("hello", lambda prefix: f"{prefix}1") == [
        {
            "type": "message",
            "id": "msg_1",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": "hello"}],
        }
    ]


def test_what_the_client_said_itself_stays() -> None:
    parts = [{"type": "input_text", "text": "a"}]
    item = {"type": "message", "id": "m", "status": "incomplete", "role": "user", "content": parts}
    assert listed_items([item], lambda prefix: prefix) == [item]


def test_an_assistants_words_are_output() -> None:
    (item,) = listed_items([{"role": "assistant", "content": "a"}], lambda prefix: prefix)
    assert item["content"] == [{"type": "output_text", "text": "a", "annotations": []}]


def test_every_item_gets_an_id_of_its_kind_and_loses_its_nulls() -> None:
    items = [
        {"type": "function_call_output", "id": None, "call_id": "c", "output": "1"},
        {"type": "web_search_call", "status": None},
    ]
    first, second = listed_items(items, lambda prefix: f"{prefix}x")
    assert first == {**items[0], "id": "fco_x", "status": "completed"}
    assert second == {"type": "web_search_call", "id": "item_x"}


def test_only_the_id_that_an_item_was_given_here_is_taken_from_it_again() -> None:
    given = {"type": "custom_tool_call_output", "call_id": "c", "output": "1"}
    (listed,) = listed_items([given], lambda prefix: f"{prefix}x")
    assert as_it_came(listed) == given
    named = {**given, "id": "ctco_1"}
    assert as_it_came(named) == named

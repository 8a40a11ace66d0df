"""What Chat Completions servers answer when they do not answer."""

from __future__ import annotations

import pytest

from limner.wire.chat_error import MAX_MESSAGE_CHARS, read_chat_error


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"too long","type":"invalid","code":null}}',
        b'{"error":"too long"}',
        b'{"object":"error","message":"too long","code":400}',
        b'{"detail":"too long"}',
        b"too\n long",
        b'"too long"',
        b'data: {"error": {"message": "too long", "code": "400"}}\n\ndata: [DONE]\n\n',
        b'event: error\ndata: {"error": {"message": "too long"}}',
    ],
)
def test_every_shape_gives_its_message(body: bytes) -> None:
    failed = read_chat_error(body, 400)
    assert failed.message == "The language model server answered 400: too long"
    assert (failed.status, failed.retryable) == (502, False)


def test_an_event_that_is_no_json_is_read_as_words() -> None:
    assert read_chat_error(b"data: too long", 400).message.endswith("400: data: too long")


def test_a_message_that_is_no_text_is_shown_as_json() -> None:
    body = b'{"detail":[{"loc":["body","model"]}]}'
    assert read_chat_error(body, 422).message.endswith('422: [{"loc":["body","model"]}]')


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"error":{}}'])
def test_silence_is_said_to_be_silence(body: bytes) -> None:
    assert read_chat_error(body, 500).message.endswith("500: it did not say why")


def test_long_messages_are_cut() -> None:
    message = read_chat_error(b"x" * 10_000, 500).message
    assert message.endswith("…")
    assert len(message) < MAX_MESSAGE_CHARS + 60


@pytest.mark.parametrize(
    ("status", "ours", "code", "retryable"),
    [
        (400, 502, "upstream_400", False),
        (404, 502, "upstream_404", False),
        (408, 504, "upstream_408", True),
        (429, 429, "rate_limit_exceeded", True),
        (500, 502, "server_error", True),
        (503, 503, "upstream_503", True),
        (504, 504, "upstream_504", True),
        (529, 503, "upstream_529", True),
    ],
)
def test_the_status_decides_what_becomes_of_it(
    status: int, ours: int, code: str, retryable: bool
) -> None:
    failed = read_chat_error(b"", status, retry_after_s=2.0)
    assert (failed.status, failed.code, failed.retryable) == (ours, code, retryable)
    assert failed.retry_after_s == 2.0


def test_the_code_of_the_upstream_is_kept() -> None:
    failed = read_chat_error(b'{"error":{"message":"m","code":"context_length_exceeded"}}', 400)
    assert failed.code == "context_length_exceeded"


def test_an_empty_purse_is_not_worth_a_retry() -> None:
    assert not read_chat_error(b'{"error":{"code":"insufficient_quota"}}', 429).retryable


@pytest.mark.parametrize("status", [401, 403])
def test_nothing_of_a_refused_key_is_passed_on(status: int) -> None:
    body = b'{"error":{"message":"Incorrect API key provided: sk-abc"}}'
    assert "sk-abc" not in read_chat_error(body, status).message

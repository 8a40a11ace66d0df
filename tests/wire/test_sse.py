from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire.sse import DONE, KEEPALIVE, FrameTooLargeError, SseDecoder, SseEvent, encode


def decode(*chunks: bytes) -> list[SseEvent]:
    decoder = SseDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.flush()


def test_a_frame_is_an_event_line_a_data_line_and_a_blank_line() -> None:
    assert encode("response.created", b'{"a":1}') == b'event: response.created\ndata: {"a":1}\n\n'


def test_what_was_encoded_comes_back() -> None:
    stream = KEEPALIVE + encode("a", b"1") + KEEPALIVE + encode("b", "ö".encode()) + DONE
    assert decode(stream) == [
        SseEvent("a", b"1"),
        SseEvent("b", "ö".encode()),
        SseEvent("message", b"[DONE]"),
    ]


def test_only_the_done_marker_is_done() -> None:
    assert [event.is_done for event in decode(encode("a", b"{}") + DONE)] == [False, True]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_every_line_end_of_the_standard_is_understood(end: bytes) -> None:
    assert decode(end.join((b"event: a", b"data: 1", b"", b"data: 2", b"", b""))) == [
        SseEvent("a", b"1"),
        SseEvent("message", b"2"),
    ]


def test_a_line_end_split_between_reads_is_one_line_end() -> None:
    assert decode(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == [SseEvent("message", b"1\n2")]


def test_a_carriage_return_at_the_end_of_a_read_completes_its_line_at_once() -> None:
    assert SseDecoder().feed(b"data: 1\r\r") == [SseEvent("message", b"1")]


def test_data_of_many_lines_is_joined_by_line_feeds() -> None:
    assert decode(b"data: 1\ndata:\ndata:  2\n\n") == [SseEvent("message", b"1\n\n 2")]


def test_an_event_without_data_is_dropped_and_its_name_forgotten() -> None:
    assert decode(b"event: ping\n\ndata: 1\n\n") == [SseEvent("message", b"1")]


def test_comments_ids_retries_and_unknown_fields_are_passed_over() -> None:
    stream = b": hello\nid: 1\nretry: 10\nnonsense\ndata: 1\n\n"
    assert decode(stream) == [SseEvent("message", b"1")]


def test_a_byte_order_mark_counts_only_at_the_very_start() -> None:
    mark = b"\xef\xbb\xbf"
    assert decode(mark[:1], mark[1:] + b"data: 1\n\n" + mark + b"data: 2\n\n") == [
        SseEvent("message", b"1")
    ]


def test_the_last_event_needs_no_blank_line() -> None:
    assert decode(b"data: 1\n\ndata: [DONE]") == [
        SseEvent("message", b"1"),
        SseEvent("message", b"[DONE]"),
    ]


def test_an_empty_read_changes_nothing() -> None:
    assert decode(b"data: 1\r", b"", b"\n\r\n") == [SseEvent("message", b"1")]


def test_an_event_that_never_ends_is_refused_at_the_limit() -> None:
    decoder = SseDecoder(limit_bytes=100)
    assert decoder.feed(b"data: " + b"x" * 80 + b"\n\n")
    decoder.feed(b"data: " + b"x" * 80)
    with pytest.raises(FrameTooLargeError, match="100 bytes"):
        decoder.feed(b"x" * 80)


def test_many_short_lines_of_one_event_count_together() -> None:
    decoder = SseDecoder(limit_bytes=100)
    with pytest.raises(FrameTooLargeError):
        decoder.feed(b"data: x\n" * 20)


EVENTS = st.lists(
    st.tuples(
        st.text("abc._", min_size=1),
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n")),
        st.booleans(),
    )
)


@given(EVENTS, st.data())
def test_the_split_of_the_bytes_does_not_matter(
    events: list[tuple[str, str, bool]], data: st.DataObject
) -> None:
    stream = b"".join(
        encode(name, text.encode()).replace(b"\n", b"\r\n" if crlf else b"\n")
        for name, text, crlf in events
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert decode(*chunks) == [SseEvent(name, text.encode()) for name, text, _ in events]

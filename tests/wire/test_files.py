"""Uploads: what is taken, and what the File object says."""

from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.file import File
from limner.wire.files import MAX_FILE_BYTES, file_json, no_such_file, parse_upload

PNG = b"\x89PNG\r\n\x1a\n"
VISION = [("purpose", "vision")]
HOUR = [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", "3600")]


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"BM\x00\x00\x00\x00\x00\x00\x00\x00", "image/bmp"),
        (b"II*\x00", "image/tiff"),
    ],
)
def test_the_bytes_say_what_a_file_is(start: bytes, media_type: str) -> None:
    new = parse_upload(VISION, [("file", "a.txt", start)])
    assert (new.media_type, new.content, new.filename) == (media_type, start, "a.txt")
    assert new.expires_after_s is None


def test_a_file_may_end_by_itself_and_needs_no_name() -> None:
    new = parse_upload([("purpose", "user_data"), *HOUR], [("file", "", PNG)])
    assert (new.expires_after_s, new.filename, new.purpose) == (3600, "picture", "user_data")


@pytest.mark.parametrize(
    ("fields", "files", "param", "code"),
    [
        ([], [("file", "a", PNG)], "purpose", "missing_required_parameter"),
        ([("purpose", "batch")], [("file", "a", PNG)], "purpose", "invalid_value"),
        ([*VISION, ("other", "1")], [("file", "a", PNG)], "other", "unknown_parameter"),
        (VISION, [], "file", "missing_required_parameter"),
        (VISION, [("picture", "a", PNG)], "file", "invalid_value"),
        ([*VISION, ("file", "text")], [], "file", "invalid_type"),
        (VISION, [("file", "a", PNG), ("file", "b", PNG)], "file", "invalid_value"),
        (VISION, [("file", "a", b"%PDF-1.7")], "file", "unsupported_file"),
        (VISION, [("file", "a\x00b", PNG)], "file", "invalid_value"),
        (VISION, [("file", "a" * 256, PNG)], "file", "invalid_value"),
        ([*VISION, HOUR[0]], [("file", "a", PNG)], HOUR[1][0], "missing_required_parameter"),
        ([*VISION, HOUR[1]], [("file", "a", PNG)], HOUR[0][0], "missing_required_parameter"),
        ([*VISION, (HOUR[0][0], "now"), HOUR[1]], [("file", "a", PNG)], HOUR[0][0], None),
        ([*VISION, HOUR[0], (HOUR[1][0], "59")], [("file", "a", PNG)], HOUR[1][0], None),
        ([*VISION, HOUR[0], (HOUR[1][0], "soon")], [("file", "a", PNG)], HOUR[1][0], None),
    ],
)
def test_what_is_not_taken_is_refused_by_name(
    fields: list[tuple[str, str]],
    files: list[tuple[str, str, bytes]],
    param: str,
    code: str | None,
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_upload(fields, files)
    assert refusal.value.status == 400
    assert (refusal.value.param, refusal.value.code) == (param, code or "invalid_value")


def test_a_file_that_is_too_large_is_refused_as_such() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_upload(VISION, [("file", "a", PNG + bytes(MAX_FILE_BYTES))])
    assert (refusal.value.status, refusal.value.code) == (413, "file_too_large")


@pytest.mark.parametrize(("expires_at", "told"), [(None, None), (3602.5, 3602)])
def test_the_file_object_has_whole_seconds(expires_at: float | None, told: int | None) -> None:
    file = File("file-1", "a.png", "vision", "image/png", 8, "d", 2.5, expires_at)
    body = file_json(file)
    assert (body["created_at"], body["expires_at"], body["bytes"]) == (2, told, 8)
    assert (body["object"], body["status"]) == ("file", "processed")


def test_an_unknown_file_is_404() -> None:
    assert no_such_file("file-1").status == 404

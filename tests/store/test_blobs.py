"""Blobs: whole or not there, and only as long as somebody holds them."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import stat
from pathlib import Path

import pytest

from limner.core.errors import ConfigError, StoreError
from limner.store.blobs import Blobs
from limner.store.pictures import Texts, hold, release, sweep
from limner.store.session import SessionDatabase
from limner.wire.kept import digest_of, digests_in
from tests.pictures import picture

PNG = picture().content
TEXT = b'{"result":"%s"}'


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_what_was_put_is_got_under_its_digest(blobs: Blobs, tmp_path: Path) -> None:
    digest = await blobs.put(b"content")
    assert digest == digest_of(b"content")
    assert await blobs.get(digest) == b"content"
    file = tmp_path / "blobs" / digest[:2] / digest
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in (file.parent, file.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_the_same_content_is_kept_once(blobs: Blobs, tmp_path: Path) -> None:
    await asyncio.gather(*(blobs.put(b"content") for _ in range(20)))
    assert len(files(tmp_path)) == 1


async def test_a_missing_picture_is_named(blobs: Blobs) -> None:
    with pytest.raises(StoreError, match="abcd is not on the disk") as caught:
        await blobs.get("abcd")
    assert (caught.value.code, caught.value.retry_after_s) == ("picture_missing", None)
    assert not await blobs.has("abcd")
    assert await blobs.fault("abcd") == "is not on the disk"


async def test_a_damaged_blob_is_found(blobs: Blobs, tmp_path: Path) -> None:
    whole, damaged = await blobs.put(b"whole"), await blobs.put(b"damaged")
    (tmp_path / "blobs" / damaged[:2] / damaged).write_bytes(b"")
    assert await blobs.fault(whole) is None
    assert await blobs.fault(damaged) == "is not what was written there"


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "insufficient_storage"), (errno.EIO, "store_unavailable")],
)
async def test_a_disk_that_refuses_leaves_no_half_picture(
    blobs: Blobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def refuse(file: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError) as caught:
            await blobs.put(b"content")
    assert caught.value.code == code
    assert not files(tmp_path)
    await blobs.put(b"content")


def test_a_folder_that_cannot_be_made_is_the_operator_s_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"):
        Blobs(tmp_path / "file" / "blobs")


async def test_a_sweep_takes_what_nobody_holds(database: SessionDatabase, blobs: Blobs) -> None:
    kept, shared, loose = [await blobs.put(content) for content in (b"1", b"2", b"3")]
    await database.write(lambda tx: hold(tx, "one", [kept, shared, kept]))
    await database.write(lambda tx: hold(tx, "two", [shared]))
    assert await sweep(database, blobs, grace_s=3600) == 0
    assert await sweep(database, blobs, grace_s=-1) == 1
    assert [await blobs.has(digest) for digest in (kept, shared, loose)] == [True, True, False]
    await database.write(lambda tx: release(tx, "one"))
    assert await sweep(database, blobs, grace_s=-1) == 1
    assert [await blobs.has(digest) for digest in (kept, shared)] == [False, True]


async def test_a_picture_put_again_is_as_good_as_new(tmp_path: Path) -> None:
    now = 10_000.0
    blobs = Blobs(tmp_path / "blobs", clock=lambda: now)
    digest = await blobs.put(b"content")
    os.utime(tmp_path / "blobs" / digest[:2] / digest, (100, 100))
    await blobs.put(b"content")
    assert await blobs.sweep(frozenset(), older_than_s=3600) == 0
    now += 3601
    assert await blobs.sweep(frozenset(), older_than_s=3600) == 1


async def test_a_file_that_was_never_finished_is_swept(blobs: Blobs, tmp_path: Path) -> None:
    digest = await blobs.put(b"content")
    rest = tmp_path / "blobs" / digest[:2] / "part-xyz"
    rest.write_bytes(b"cont")
    os.utime(rest, (100, 100))
    assert await blobs.sweep(frozenset([digest]), older_than_s=3600) == 1
    assert not rest.exists()


async def test_a_text_comes_back_to_the_byte_and_its_pictures_lie_beside_it(
    texts: Texts, blobs: Blobs
) -> None:
    text = TEXT % base64.b64encode(PNG)
    kept = await texts.keep(text, [PNG, b"not in it"])
    assert digests_in(kept) == [digest_of(PNG)]
    assert len(kept) < len(text)
    assert not await blobs.has(digest_of(b"not in it"))
    assert await texts.restore(kept) == text
    await blobs.sweep(frozenset(), older_than_s=-1)
    with pytest.raises(StoreError, match="not on the disk"):
        await texts.restore(kept)

"""What a data folder must be like that no server has open."""

from __future__ import annotations

from pathlib import Path

from limner.app.store import check_database
from limner.config import Settings
from limner.store.blobs import Blobs
from limner.store.pictures import sweep
from limner.store.sqlite import open_sqlite
from limner.wire.kept import digest_of


async def disk_is_tidy(data: Path) -> None:
    """Every row has its pictures, and a sweep leaves no others."""
    assert await check_database(Settings(data=data)) == []
    blobs = Blobs(data / "blobs")
    async with open_sqlite(data / "limner.sqlite") as database:
        assert await database.read("PRAGMA integrity_check") == [("ok",)]
        await sweep(database, blobs, grace_s=-60)
        held = {digest for (digest,) in await database.read("SELECT digest FROM pictures")}
    files = _files(data)
    assert files.keys() == held
    assert all(digest_of(content) == name for name, content in files.items())


def _files(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.glob("blobs/*/*")}

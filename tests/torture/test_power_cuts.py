"""The power goes while a server is under load: what it had acknowledged is on the disk.

One server is recorded, and then cut off at many calls. What the disk holds then is judged by the
strictest reading of POSIX (only what was synced), by a kind one (all of it, as after `kill -9`),
and by chance between them.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from limner.app.store import check_database
from limner.config import Settings
from limner.core.errors import ConfigError
from tests.amount import amount
from tests.torture.disk import Belief, Disk, calls
from tests.torture.recording import Acknowledged, can_record, record
from tests.torture.world import world

CUTS, CARELESS_CUTS = amount(60, 600), amount(20, 60)
ACKNOWLEDGED = amount(25, 300)
OVER = ("completed", "failed", "incomplete", "cancelled")
_TABLES = ("responses", "jobs", "files", "conversations")


@dataclass(frozen=True, slots=True)
class Cut:
    """A disk without power. acknowledged: by then. wrong: with what is on it."""

    at: int
    acknowledged: int
    wrong: list[str]


async def judged(
    record: Path, root: Path, target: Path, belief: Belief, count: int, seed: int
) -> list[Cut]:
    """The state of the disk after `count` calls of the record, chosen by chance."""
    chance, told, disk = random.Random(seed), Acknowledged(), Disk(root)
    done = list(calls(record))
    first = next(k for k, call in enumerate(done) if "/blobs/" in call.path)
    cuts = sorted(chance.sample(range(first, len(done)), min(count, len(done) - first)))
    found, before = [], 0
    for at in cuts:
        for call in done[before : at + 1]:
            disk.do(call)
            told.note(call)
        before = at + 1
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        disk.write(target, belief, chance)
        found.append(Cut(at, len(told.ids), await _wrong(target / "data", told)))
    return found


async def _wrong(data: Path, told: Acknowledged) -> list[str]:
    """What a new start would find amiss."""
    if not (data / "limner.sqlite").is_file():
        return [f"lost: {id}" for id in sorted(told.ids)]
    try:
        wrong = await check_database(Settings(data=data))
        rows = dict(_rows(data / "limner.sqlite"))
    except (ConfigError, apsw.Error) as error:
        return [str(error)]
    lost = [f"lost: {id}" for id in sorted(told.ids - rows.keys())]
    undone = [
        f"undone: {id} was {status}, is {rows[id]}"
        for id, status in told.ends.items()
        if id in rows and rows[id] != status
    ]
    return [*wrong, *lost, *undone]


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    connection = apsw.Connection(str(path))
    for table in _TABLES:
        status = "status" if table in ("responses", "jobs") else "''"
        yield from connection.execute(f"SELECT id, {status} FROM {table}")
    connection.close()


@pytest.fixture(autouse=True)
def _strace() -> None:
    can_record()


async def _cuts(
    folder: Path, program: Sequence[str], beliefs: Sequence[Belief], count: int
) -> list[Cut]:
    async with world() as around:
        record_ = await record(folder, around, program, ACKNOWLEDGED)
    found = []
    for belief in beliefs:
        found += await judged(
            record_, folder / "disk", folder / "cut", belief, count // len(beliefs), seed=1
        )
    figures = Counter(bool(cut.wrong) for cut in found)
    most = max(cut.acknowledged for cut in found)
    print(f"\n{program}: {len(found)} cuts, {figures[True]} with losses; up to {most} acknowledged")
    assert most > ACKNOWLEDGED / 2, "cuts without work show nothing"
    return found


async def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    cuts = await _cuts(tmp_path, ["limner"], ["synced", "some", "all"], CUTS)
    assert [cut for cut in cuts if cut.wrong] == []


@pytest.mark.parametrize("what", ["database", "blobs"])
async def test_the_rig_sees_what_a_careless_server_loses(tmp_path: Path, what: str) -> None:
    cuts = await _cuts(tmp_path, ["tests.torture.careless", what], ["synced"], CARELESS_CUTS)
    assert any(cut.wrong for cut in cuts)

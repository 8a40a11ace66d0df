"""`kill -9` at one system call after another of those that put things on the disk."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import product
from pathlib import Path

from tests.amount import amount
from tests.torture.injection import injected
from tests.torture.ledger import Audit, Ledger
from tests.torture.load import Load
from tests.torture.recording import can_record
from tests.torture.servers import Server, Site, session
from tests.torture.tidy import disk_is_tidy
from tests.torture.world import world
from tests.torture.zygote import Zygote

CALLS = ("pwrite64", "fdatasync", "fsync", "rename", "mkdir", "utimensat", "write")
POINTS = amount(1, 20)
"""Of each call: at its first, second … in a thread. `write` is also how sockets are answered."""

WITHOUT_CALL_S = 3.0


async def test_a_kill_at_any_call_that_writes_loses_nothing(
    servers: Zygote, tmp_path: Path
) -> None:
    can_record()
    whole, fired = Ledger(), Counter[str]()
    async with world() as around:
        site = Site(servers, tmp_path / "data", around)
        for point, call in product(range(1, POINTS + 1), CALLS):
            async with site.server() as server, session(server) as http:
                load = Load(http, f"{call} {point}")
                async with injected(server, call, f"signal=SIGKILL:when={point}"):
                    fired[call] += await _asked_until_dead(server, load)
                    await server.end()
            whole.add(load.ledger)
        async with site.server() as server, session(server) as http:
            audit = Audit(whole, http, around)
            await audit.nothing_is_lost()
            ends = await audit.all_is_told_once_and_as_before()
    print(f"\nkilled at {dict(fired)}; {whole.acknowledged} acknowledged; ends: {dict(ends)}")
    assert all(fired[call] for call in CALLS), "a call that never comes shows nothing"
    await disk_is_tidy(site.data)


async def _asked_until_dead(server: Server, load: Load) -> bool:
    """Whether it died; a call may not come so often."""
    asking = asyncio.create_task(load.run())
    done, _ = await asyncio.wait({asking}, timeout=WITHOUT_CALL_S)
    if not done:
        await server.end()
    await asking
    return bool(done)

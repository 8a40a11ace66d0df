"""`kill -9` of a server under load, again and again, with one ledger over all of it."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path

import aiohttp

from tests.amount import amount
from tests.torture.ledger import PATIENCE_S, Audit, Ledger
from tests.torture.load import Load
from tests.torture.servers import Server, Site, session
from tests.torture.tidy import disk_is_tidy
from tests.torture.world import World, world
from tests.torture.zygote import Zygote

CYCLES, STOPS = amount(8, 300), amount(1, 30)
MIN_CUT_OFF, MIN_UNDER_WAY = 3, 3
"""What every kill must hit, or it shows nothing: requests, and responses and jobs."""


async def test_nothing_acknowledged_is_lost_told_otherwise_or_done_twice(
    servers: Zygote, tmp_path: Path
) -> None:
    chance, figures = random.Random(7), Counter[str]()
    whole, last = Ledger(), Ledger()
    async with world() as around:
        site = Site(servers, tmp_path / "data", around)
        for cycle in range(CYCLES):
            async with site.server() as server, session(server) as http:
                await Audit(whole, http, around).nothing_is_lost(last)
                last = await _killed(server, http, f"cycle {cycle}", chance, around, figures)
                assert not server.has_bugs, server.log.read_text()
            whole.add(last)
        async with site.server() as server, session(server) as http:
            audit = Audit(whole, http, around)
            await audit.nothing_is_lost()
            ends = await audit.all_is_told_once_and_as_before()
            await audit.nothing_is_lost()
    figures["acknowledged"] = whole.acknowledged
    figures["pictures"] = len(around.dispatched)
    print(f"\n{CYCLES} kills: {dict(figures)}; ends: {dict(ends)}")
    assert figures["pictures under way"] >= CYCLES // 4
    await disk_is_tidy(site.data)


async def test_a_clean_stop_leaves_everything_to_the_next_server(
    servers: Zygote, tmp_path: Path
) -> None:
    chance, whole = random.Random(9), Ledger()
    cut_off, longest = 0, 0.0
    async with world() as around:
        site = Site(servers, tmp_path / "data", around)
        for cycle in range(STOPS):
            async with site.server() as server, session(server) as http:
                load = Load(http, f"stop {cycle}")
                asking = asyncio.create_task(load.run())
                await asyncio.sleep(chance.uniform(0.2, 0.6))
                began = asyncio.get_running_loop().time()
                await server.end(signal.SIGTERM)
                longest = max(longest, asyncio.get_running_loop().time() - began)
                await asking
                cut_off += load.cut_off
                assert not server.has_bugs, server.log.read_text()
            whole.add(load.ledger)
        async with site.server() as server, session(server) as http:
            audit = Audit(whole, http, around)
            await audit.nothing_is_lost()
            ends = await audit.all_is_told_once_and_as_before()
    told = f"{whole.acknowledged} acknowledged, {cut_off} never accepted; ends: {dict(ends)}"
    print(f"\n{STOPS} stops of {longest:.1f} s at most: {told}")
    assert ends.keys() <= {"completed", "cancelled", "job completed"}
    await disk_is_tidy(site.data)


async def _killed(
    server: Server,
    http: aiohttp.ClientSession,
    name: str,
    chance: random.Random,
    around: World,
    figures: Counter[str],
) -> Ledger:
    """What the clients of this server were told before it died."""
    load = Load(http, name)
    asking = asyncio.create_task(load.run())
    await asyncio.sleep(chance.uniform(0.05, 0.4))
    async with asyncio.timeout(PATIENCE_S):
        while load.ledger.under_way < MIN_UNDER_WAY:
            assert not asking.done(), asking.exception()
            await asyncio.sleep(0.005)
    figures["responses and jobs under way"] += load.ledger.under_way
    figures["pictures under way"] += around.painting
    await server.end()
    await asking
    figures["requests cut off"] += load.cut_off
    assert load.cut_off >= MIN_CUT_OFF
    return load.ledger

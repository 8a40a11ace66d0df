"""Two servers before one PostgreSQL: what one leaves when it is killed, the other takes over."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.amount import amount
from tests.e2e.processes import environment
from tests.torture.ledger import PATIENCE_S, Audit, Ledger
from tests.torture.load import Load
from tests.torture.servers import Site, session
from tests.torture.world import world
from tests.torture.zygote import Zygote

KILLS = amount(0, 5)


async def test_the_other_server_takes_over_and_there_is_one_outcome(
    servers: Zygote, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not KILLS:
        pytest.skip("leases have to run out, which takes a minute: make torture")
    variables = {"LIMNER_DATABASE_URL": request.getfixturevalue("postgres_url")}
    upgrade = [sys.executable, "-m", "limner", "db", "upgrade"]
    subprocess.run(upgrade, check=True, env={**environment(), **variables})
    chance, whole = random.Random(3), Ledger()
    async with world() as around:
        site = Site(servers, tmp_path / "data", around, variables)
        async with site.server() as other, session(other) as http:
            for kill in range(KILLS):
                async with site.server() as server, session(server) as dying:
                    load = Load(dying, f"kill {kill}")
                    asking = asyncio.create_task(load.run())
                    await asyncio.sleep(chance.uniform(0.3, 1.0))
                    async with asyncio.timeout(PATIENCE_S):
                        while load.ledger.under_way < 3:
                            await asyncio.sleep(0.005)
                    await server.end()
                    await asking
                whole.add(load.ledger)
            audit = Audit(whole, http, around)
            await audit.nothing_is_lost()
            ends = await audit.all_is_told_once_and_as_before()
            assert not other.has_bugs, other.log.read_text()
    print(f"\n{KILLS} kills: {whole.acknowledged} acknowledged; ends: {dict(ends)}")
    assert ends["completed"] >= KILLS

"""When an engine that answers is believed to get nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from limner.app.child import open_probe
from limner.core.readiness import Readiness
from limner.gateway.supervisor import StuckError
from limner.wire.engine_status import PATH, EngineStatus, status_json

READY = EngineStatus(Readiness("ready", "'tiny' paints on cpu", 1.0), device="cpu")
LOADING = EngineStatus(Readiness("loading", "loading tiny", 0.5))


async def told(socket: Path, status: object, step_timeout_s: float | None = None) -> Readiness:
    """What a probe makes of an engine that says this."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(status))

    app = web.Application()
    app.router.add_get(PATH, answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        async with open_probe(socket, step_timeout_s) as probe:
            return await probe.readiness()
    finally:
        await runner.cleanup()


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("engine.sock")


@pytest.mark.parametrize(
    ("status", "step_timeout_s"),
    [
        (READY, None),
        (replace(READY, call_s=119.0), None),
        (replace(READY, call_s=500.0, slowest_call_s=30.0), None),
        (replace(READY, call_s=500.0), 600.0),
        (replace(LOADING, call_s=5000.0), 1.0),
    ],
)
async def test_an_engine_that_gets_on_is_as_ready_as_it_says(
    socket: Path, status: EngineStatus, step_timeout_s: float | None
) -> None:
    assert await told(socket, status_json(status), step_timeout_s) == status.readiness


@pytest.mark.parametrize(
    ("status", "step_timeout_s", "limit"),
    [
        (replace(READY, call_s=121.0), None, "120 s"),
        (replace(READY, call_s=601.0, slowest_call_s=30.0), None, "600 s"),
        (replace(READY, call_s=2.0), 1.0, "1 s"),
    ],
)
async def test_one_that_is_too_long_in_a_step_is_stuck(
    socket: Path, status: EngineStatus, step_timeout_s: float | None, limit: str
) -> None:
    with pytest.raises(StuckError, match=f"in one call for more than {limit}"):
        await told(socket, status_json(status), step_timeout_s)


async def test_an_answer_of_somebody_else_is_none(socket: Path) -> None:
    with pytest.raises(OSError, match="no status of an engine"):
        await told(socket, {"hello": "there"})


async def test_nobody_is_no_answer(socket: Path) -> None:
    async with open_probe(socket) as probe:
        with pytest.raises(OSError, match=r"engine\.sock"):
            await probe.readiness()

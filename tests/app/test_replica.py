"""One replica of a cluster, without a cluster: its application and its health."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import httpx
import pytest

from limner.app.replica import Replica
from limner.config import Settings
from limner.core.errors import LimnerError
from limner.engine.studio import Stats

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not find_spec("diffusers"), reason="the engine's packages are not installed"
    ),
]


async def test_it_is_well_while_its_application_runs_and_paints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("limner.logs.configure", lambda *_: None)
    replica = Replica(Settings(threads=1, api_keys=("sk-1",), step_timeout_s=5.0))
    app = replica.__serve_build_asgi_app__()
    with pytest.raises(LimnerError, match="about to load"):
        await replica.check_health()
    transport: Any = httpx.ASGITransport(app=app)
    async with app.router.lifespan_context(app):
        await replica.check_health()
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            body = {"prompt": "a red circle"}
            assert (await client.post("/v1/images/generations", json=body)).status_code == 401
            bearer = {"Authorization": "Bearer sk-1"}
            reply = await client.post("/v1/images/generations", json=body, headers=bearer)
        assert reply.json()["data"][0]["b64_json"]
        stuck = replace(Stats(), call_s=6.0)
        with monkeypatch.context() as patch:
            patch.setattr(type(replica._easel.painter), "stats", stuck)
            with pytest.raises(LimnerError, match="in one call for more than 5 s"):
                await replica.check_health()
        await replica.check_health()
    await asyncio.sleep(0)
    with pytest.raises(LimnerError, match="has stopped"):
        await replica.check_health()

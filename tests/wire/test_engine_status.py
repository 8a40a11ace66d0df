"""An engine's word about itself survives the way to the server."""

from __future__ import annotations

import pytest

from limner.core.image import Size
from limner.core.readiness import Readiness
from limner.engine.model import ModelFacts
from limner.engine.params import capabilities
from limner.wire import json
from limner.wire.engine_status import EngineStatus, parse_status, status_json
from limner.wire.jobs import Gpu


@pytest.mark.parametrize(
    "status",
    [
        EngineStatus(Readiness("loading", "reading weights", 0.5)),
        EngineStatus(
            Readiness("ready", "painting", 1.0),
            device="cuda:0",
            gpu=Gpu("H200", 139.8, 12.5),
            can=capabilities(ModelFacts("turbo", buckets=(Size(512, 512), Size(640, 384)))),
            running=1,
            queued=2,
            steps=30,
            pictures=3,
            idle=False,
            call_s=0.5,
            slowest_call_s=2.0,
        ),
    ],
)
def test_what_is_written_is_read_again(status: EngineStatus) -> None:
    assert parse_status(json.dump(status_json(status))) == status


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"readiness": 1, "gpu": null}', b'{"status": "live"}']
)
def test_anything_else_is_no_status(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_status(body)


@pytest.mark.parametrize(("slowest_s", "limit_s"), [(0.0, 120.0), (5.0, 120.0), (30.0, 600.0)])
def test_how_long_a_call_may_take_follows_from_those_before_it(
    slowest_s: float, limit_s: float
) -> None:
    status = EngineStatus(Readiness("ready", "painting"), slowest_call_s=slowest_s)
    assert status.call_limit_s == limit_s

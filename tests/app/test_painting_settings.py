"""What the operator sets is what the engine does, and what it says of itself."""

from __future__ import annotations

import pytest

from limner.app.painting import Easel, gpu_of
from limner.config import Settings
from limner.core.errors import ConfigError

pytestmark = pytest.mark.engine


async def test_an_engine_says_how_it_was_laid_out() -> None:
    pytest.importorskip("torchao")
    easel = Easel(Settings(threads=1, device="cpu", quantize="int8", previews="linear"))
    assert easel.status.setup == {}
    try:
        await easel.painter.start()
        setup = easel.status.setup
    finally:
        await easel.painter.close()
    assert "weights as float32, linear layers in int8" in setup["memory"]
    assert "all of it stays loaded" in setup["memory"]
    assert setup["previews"] == "a linear map"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(device="cpu", offload="model"), "accepted are auto and none"),
        (Settings(device="cpu", previews="taef1"), "needs --preview-decoder"),
        (
            Settings(device="cpu", previews="taef1", preview_decoder="/nowhere"),
            "preview decoder '/nowhere' cannot be loaded",
        ),
    ],
)
async def test_what_cannot_be_obeyed_stops_the_start(settings: Settings, said: str) -> None:
    easel = Easel(settings)
    try:
        with pytest.raises(ConfigError, match=said):
            await easel.painter.start()
        assert easel.status.readiness.state == "failed"
        assert said in easel.status.readiness.message
    finally:
        await easel.painter.close()


def test_only_gpus_have_facts() -> None:
    assert gpu_of(None) is None
    assert gpu_of("cpu") is None

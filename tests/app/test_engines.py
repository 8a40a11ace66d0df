"""What each of several engines is told, and which devices there are."""

from __future__ import annotations

import pytest

from limner.app import engines
from limner.app.engines import named_devices, own_settings
from limner.config import Settings
from limner.core.errors import ConfigError


def test_one_engine_has_all_that_was_set() -> None:
    settings = Settings(device="cuda:1", max_concurrent=4)
    assert own_settings(settings) == [settings]


def test_several_engines_share_the_processor_and_the_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "physical_cores", lambda: 9)
    each = own_settings(Settings(device="cuda:0,cuda:1,cpu", max_concurrent=4))
    assert [own.device for own in each] == ["cuda:0", "cuda:1", "cpu"]
    assert {(own.threads, own.max_concurrent) for own in each} == {(2, 2)}


def test_every_engine_has_a_thread_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "physical_cores", lambda: 2)
    each = own_settings(Settings(device="cpu,cpu,cpu"))
    assert {(own.threads, own.max_concurrent) for own in each} == {(1, None)}
    assert [own.threads for own in own_settings(Settings(device="cpu,cpu", threads=5))] == [5, 5]


async def test_devices_with_names_are_not_counted() -> None:
    settings = Settings(device="cuda:7,cpu")
    assert await named_devices(settings) is settings


@pytest.mark.engine
async def test_all_devices_are_those_that_torch_sees() -> None:
    torch = pytest.importorskip("torch")
    count = torch.cuda.device_count()
    expected = ",".join(f"cuda:{at}" for at in range(count)) or "cpu"
    if torch.backends.mps.is_available():
        expected = "mps"
    assert (await named_devices(Settings(device="all"))).device == expected


@pytest.mark.engine
async def test_devices_that_cannot_be_counted_are_the_operators_to_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(engines, "WAIT_S", 0.0)
    with pytest.raises(ConfigError, match="Name them, such as --device cuda:0,cuda:1"):
        await named_devices(Settings(device="all"))

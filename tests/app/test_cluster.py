"""What a cluster is asked for, and what is refused before it is asked. Ray itself: tests/ray."""

from __future__ import annotations

import asyncio
from socket import create_server

import pytest

from limner.app import cluster
from limner.app.cluster import Needs, Scale, answers, check_settings, connected, needs, options
from limner.config import Settings
from limner.core.errors import ConfigError
from limner.server.application import Rules, enclose
from limner.server.health import health_routes
from tests.serving import serving


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with (
        pytest.raises(ConfigError, match=r"A cluster needs Ray, .*pip install 'limner\[ray\]'"),
        connected(None),
    ):
        raise AssertionError("there is nothing to be connected to")


@pytest.mark.parametrize(
    ("settings", "scale", "has", "expected"),
    [
        (Settings(), Scale(2, 2), {"CPU": 8.0}, Needs(4, 0.0)),
        (Settings(), Scale(2, 2), {"CPU": 8.0, "GPU": 4.0}, Needs(1, 1.0)),
        (Settings(), Scale(2, 8, 0.5), {"CPU": 8.0, "GPU": 4.0}, Needs(1, 0.5)),
        (Settings(device="cpu"), Scale(1, 1), {"CPU": 8.0, "GPU": 4.0}, Needs(8, 0.0)),
        (Settings(threads=3), Scale(2, 2), {"CPU": 8.0}, Needs(3, 0.0)),
        (Settings(), Scale(2, 16), {"CPU": 8.0}, Needs(1, 0.0)),
    ],
)
def test_each_replica_has_its_share(
    settings: Settings, scale: Scale, has: dict[str, float], expected: Needs
) -> None:
    assert needs(settings, scale, has) == expected


@pytest.mark.parametrize(
    ("settings", "scale", "message"),
    [
        (
            Settings(),
            Scale(3, 3, 1.0),
            "3 replicas with 1 GPUs each need 3 GPUs, and the cluster has 2",
        ),
        (
            Settings(threads=5),
            Scale(2, 2, 0.0),
            "2 replicas with 5 threads each need 10 processors, and the cluster has 8",
        ),
    ],
)
def test_what_a_cluster_has_not_is_refused(settings: Settings, scale: Scale, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        needs(settings, scale, {"CPU": 8.0, "GPU": 2.0})


def test_a_fixed_number_of_replicas_is_asked_for_as_such() -> None:
    asked = options(Settings(max_queue=7, max_concurrent=3), Scale(2, 2), Needs(1, 0.25))
    assert asked["num_replicas"] == 2
    assert "autoscaling_config" not in asked
    assert asked["ray_actor_options"] == {"num_cpus": 1, "num_gpus": 0.25}
    assert (asked["max_ongoing_requests"], asked["max_queued_requests"]) == (3, 7)


@pytest.mark.parametrize(("at_a_time", "busy"), [(None, 2), (8, 2), (1, 1)])
def test_a_range_of_replicas_follows_the_requests_under_way(
    at_a_time: int | None, busy: int
) -> None:
    asked = options(Settings(max_concurrent=at_a_time), Scale(1, 8), Needs(1, 1.0))
    assert "num_replicas" not in asked
    assert asked["autoscaling_config"] == {
        "min_replicas": 1,
        "max_replicas": 8,
        "target_ongoing_requests": busy,
    }


@pytest.mark.parametrize("device", ["cuda:1", "cpu,cpu", "all"])
def test_gpus_are_rays_to_give(device: str) -> None:
    with pytest.raises(ConfigError, match="Ray gives each replica its own GPUs"):
        check_settings(Settings(device=device), is_own=True)


def test_a_port_that_is_taken_is_noticed_before_any_replica_loads() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(port=taken.getsockname()[1])
        with pytest.raises(ConfigError, match="already listens"):
            check_settings(settings, is_own=True)
        check_settings(settings, is_own=False)  # it may be that cluster's own


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_a_ray_that_nobody_runs_is_said_to_be_away_at_once(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: True)
    with (
        pytest.raises(ConfigError, match=f"--ray {address} cannot be reached: "),
        connected(address),
    ):
        raise AssertionError("there is nothing to be connected to")


async def test_whether_anybody_answers_is_seen_by_asking() -> None:
    async with serving(enclose([], health_routes({}), rules=Rules())) as url:
        assert await asyncio.to_thread(answers, url)
    assert not await asyncio.to_thread(answers, url)

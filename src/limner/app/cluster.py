"""The engine on Ray Serve: replicas of one application, placed, counted and replaced by Ray.

All that asks Ray is blocking, and is used by commands only.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any
from urllib.request import urlopen

from limner.app.http import listen_tcp
from limner.app.replica import Replica
from limner.config import Settings
from limner.core.errors import ConfigError, LimnerError

INSTALL = "pip install 'limner[ray]'"
NAME = "limner"
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
OBJECT_STORE_BYTES = 128 * 2**20
"""For a Ray of our own: pictures travel as replies and never through the store."""

BUSY_REQUESTS = 2
"""Of a replica: more at a time, and another one is worth its GPU."""

QUIET = {"log_level": "WARNING", "enable_access_log": False}
"""For Ray Serve, which would log every request beside us."""

HEALTH_PERIOD_S, HEALTH_TIMEOUT_S = 5.0, 20.0
ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Scale:
    """least, most: replicas; what lies between follows the requests under way.

    gpus: for each replica, a part of one if below 1; None for one where the cluster has any.
    """

    least: int = 1
    most: int = 1
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What each replica reserves of the cluster."""

    cpus: int
    gpus: float


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be with the Ray at this address, or with one of our own on this machine, on loopback.

    Raises ConfigError where Ray is not installed or cannot be reached. Our own ends in the end.
    """
    if find_spec("ray") is None:
        raise ConfigError(f"A cluster needs Ray, which this Python has not: {INSTALL}")
    if address:
        _check_reachable(address)
    # Ray reads these when it is imported. Who reaches a Ray without tokens runs what they like.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    own: dict[str, Any] = {
        "address": "local",
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
    }
    there = {"address": address} if address else own
    try:
        ray.init(**there, namespace=NAME, log_to_driver=not address, logging_level=logging.WARNING)
    except Exception as error:  # of many kinds, by what is wrong with the address
        raise ConfigError(
            f"Ray cannot be reached at {address or 'this machine'}: {error}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def deploy(settings: Settings, scale: Scale) -> str:
    """Make the replicas, and wait until they are ready; returns their address.

    Raises ConfigError for what the cluster cannot give, LimnerError where no replica comes up.
    """
    import ray
    from ray import serve

    each = needs(settings, scale, ray.cluster_resources())
    port = settings.port or _free_port(settings)
    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": settings.host, "port": port},
        logging_config=QUIET,
    )
    own = replace(settings, threads=each.cpus)
    engine = serve.deployment(serve.ingress()(Replica), name="engine")
    app = engine.options(**options(settings, scale, each)).bind(own)
    try:
        serve.run(app, name=NAME, route_prefix="/", logging_config=QUIET)
    except RuntimeError as error:
        raise LimnerError(f"The replicas did not come up: {error}") from error
    return f"http://{settings.host}:{port}"


def remove() -> bool:
    """Whether there was something to end on the Ray that is connected."""
    from ray import serve

    if NAME not in serve.status().applications:
        return False
    serve.delete(NAME)
    return True


def states() -> dict[str, int] | None:
    """How many replicas are in which state, as Ray calls it; None where there are none of ours."""
    from ray import serve

    app = serve.status().applications.get(NAME)
    if app is None:
        return None
    counts: dict[str, int] = {}
    for deployment in app.deployments.values():
        for state, count in deployment.replica_states.items():
            counts[str(getattr(state, "value", state))] = count
    return counts


def wait_for_signal() -> None:
    """Return when this process is asked to stop."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    asked.wait()


def answers(url: str) -> bool:
    """Whether there is anybody at the address."""
    try:
        with urlopen(f"{url}/livez", timeout=ANSWER_S) as reply:
            return int(reply.status) == 200
    except OSError:
        return False


def check_settings(settings: Settings, *, is_own: bool) -> None:
    """Raise ConfigError for what cannot be said to a cluster. is_own: a Ray that is started now."""
    if settings.device not in DEVICES:
        raise ConfigError(
            f"--device must be one of {', '.join(DEVICES)} in a cluster, got {settings.device!r}: "
            "Ray gives each replica its own GPUs."
        )
    if is_own and settings.port:
        listen_tcp(settings.host, settings.port).close()


def _check_reachable(address: str) -> None:
    """Ray itself would try for minutes. Names such as `auto` are Ray's to look up."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"--ray {address} cannot be reached: {error}.") from error


def _free_port(settings: Settings) -> int:
    with listen_tcp(settings.host, 0) as sock:
        port: int = sock.getsockname()[1]
        return port


def needs(settings: Settings, scale: Scale, has: Mapping[str, float]) -> Needs:
    """has: what the cluster has, by Ray's names. Raises ConfigError for more than that."""
    all_gpus, all_cpus = has.get("GPU", 0.0), has.get("CPU", 0.0)
    wants_gpu = settings.device in ("auto", "cuda", "xpu") and all_gpus > 0
    gpus = scale.gpus if scale.gpus is not None else float(wants_gpu)
    if gpus * scale.least > all_gpus:
        raise ConfigError(
            f"{scale.least} replicas with {gpus:g} GPUs each need {gpus * scale.least:g} GPUs, and "
            f"the cluster has {all_gpus:g}. Ask for fewer --replicas or less --gpus-per-replica."
        )
    cpus = settings.threads or (1 if gpus else max(1, int(all_cpus // scale.most)))
    if cpus * scale.least > all_cpus:
        raise ConfigError(
            f"{scale.least} replicas with {cpus} threads each need {cpus * scale.least} processors,"
            f" and the cluster has {all_cpus:g}. Ask for fewer --replicas or --threads."
        )
    return Needs(cpus, gpus)


def options(settings: Settings, scale: Scale, needs: Needs) -> dict[str, Any]:
    """Of a deployment, as Ray Serve calls them."""
    at_a_time = settings.painted_at_a_time
    options: dict[str, Any] = {
        "ray_actor_options": {"num_cpus": needs.cpus, "num_gpus": needs.gpus},
        "max_ongoing_requests": at_a_time,
        "max_queued_requests": settings.max_queue,
        "health_check_period_s": HEALTH_PERIOD_S,
        "health_check_timeout_s": HEALTH_TIMEOUT_S,
    }
    if scale.least == scale.most:
        return {**options, "num_replicas": scale.least}
    follows = {
        "min_replicas": scale.least,
        "max_replicas": scale.most,
        "target_ongoing_requests": min(at_a_time, BUSY_REQUESTS),
    }
    return {**options, "autoscaling_config": follows}

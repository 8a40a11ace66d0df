"""Our engines as one back end: a child process for each device, and what is known of them all."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from math import ceil

from limner.app.child import EngineChild, open_child
from limner.app.painting import missing_packages, model_name
from limner.config import ALL_DEVICES, Settings
from limner.core.circuit import Circuit
from limner.core.errors import ConfigError
from limner.core.image import ImageCapabilities
from limner.core.ports import ImageBackend
from limner.core.readiness import Readiness, any_of
from limner.engine.device import physical_cores
from limner.gateway.run_folder import run_folder
from limner.gateway.waiting import WaitingBackend
from limner.images.pool import Member, Pool
from limner.wire import json
from limner.wire.jobs import Painter

WAIT_S = 120.0
"""For a list of devices: torch is slow to import."""


@dataclass(frozen=True, slots=True)
class Engines:
    """backend: paints, and waits while all engines load. model: what they are served as."""

    model: str
    backend: ImageBackend
    children: tuple[EngineChild, ...]

    @property
    def painter(self) -> Painter:
        """What is known of them just now."""
        return Painter(
            self.model, _readiness(self.children), tuple(child.told for child in self.children)
        )

    @property
    def can(self) -> ImageCapabilities | None:
        """What the model is able to do, once an engine has loaded it."""
        return _can(self.children)

    async def refused(self) -> None:
        """Wait until all engines have refused their settings; then raises ConfigError."""
        whys = await asyncio.gather(*(child.supervisor.refused() for child in self.children))
        raise ConfigError(whys[0])


@asynccontextmanager
async def open_engines(settings: Settings) -> AsyncIterator[Engines]:
    """Run one engine for each device as long as the body runs. Does not wait until one is ready.

    settings: with devices that have names, see `named_devices`.
    """
    own = own_settings(settings)
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(run_folder(settings.data))
        names = ["engine"] if len(own) == 1 else [f"engine-{at}" for at in range(len(own))]
        opened = [
            await stack.enter_async_context(open_child(each, folder / f"{name}.sock", name=name))
            for name, each in zip(names, own, strict=True)
        ]
        children = tuple(opened)
        yield Engines(model_name(settings.model), _painting(children, settings), children)


def own_settings(settings: Settings) -> list[Settings]:
    """The settings of each engine: its device, and its share of the processor and of requests."""
    devices = settings.devices
    count = len(devices)
    if count == 1:
        return [settings]
    at_a_time = settings.max_concurrent and ceil(settings.max_concurrent / count)
    threads = settings.threads or max(1, (physical_cores() - 1) // count)
    return [
        replace(settings, device=device, threads=threads, max_concurrent=at_a_time)
        for device in devices
    ]


async def named_devices(settings: Settings) -> Settings:
    """The same with the names of all devices where it says `all`, and torch is here to count them.

    Raises ConfigError where torch cannot tell.
    """
    if ALL_DEVICES not in settings.devices or missing_packages():
        return settings
    return replace(settings, device=",".join(await list_devices()))


async def list_devices() -> tuple[str, ...]:
    """All GPUs that torch sees, else what there is; asked in a process of its own.

    Raises ConfigError where torch cannot tell.
    """
    asking = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "limner.engine.devices",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WAIT_S):
            told, complaint = await asking.communicate()
    except TimeoutError:
        asking.kill()
        await asking.communicate()
        raise ConfigError(
            f"--device all: torch did not list the devices within {WAIT_S:g} s. Name them, such as "
            "--device cuda:0,cuda:1."
        ) from None
    if asking.returncode:
        *_, why = complaint.decode(errors="replace").strip().splitlines() or [""]
        raise ConfigError(f"--device all: torch could not list the devices: {why}")
    return tuple(json.load(told))


def _painting(children: Sequence[EngineChild], settings: Settings) -> ImageBackend:
    async def settled() -> Readiness:
        return await _settled(children)

    return WaitingBackend(
        Pool([_member(child) for child in children]),
        settled,
        queue_limit=settings.max_queue + settings.painted_at_a_time,
        loaded=lambda: _can(children),
    )


def _member(child: EngineChild) -> Member:
    """Whether it can be asked is its supervisor's to say, so its circuit never opens."""
    return Member(child.backend, lambda: child.is_ready, Circuit(time.monotonic, failures=0))


def _can(children: Sequence[EngineChild]) -> ImageCapabilities | None:
    return next((can for child in children if (can := child.probe.status.can)), None)


def _readiness(children: Sequence[EngineChild]) -> Readiness:
    return any_of({child.name: child.supervisor.readiness for child in children})


async def _settled(children: Sequence[EngineChild]) -> Readiness:
    """Wait until one engine is ready, or all have failed."""
    waits = [asyncio.create_task(child.supervisor.settled()) for child in children]
    try:
        for next_settled in asyncio.as_completed(waits):
            if (readiness := await next_settled).state == "ready":
                return readiness
        return _readiness(children)
    finally:
        for wait in waits:
            wait.cancel()

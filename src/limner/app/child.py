"""The engine as a child of the server: its command, its socket, and how it is asked how it is."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from limner import logs
from limner.app.painting import model_name
from limner.config import TABLE, Settings
from limner.core.image import FORMATS, ImageCapabilities
from limner.core.readiness import Readiness
from limner.gateway.run_folder import run_folder
from limner.gateway.supervisor import Supervisor
from limner.gateway.waiting import WaitingBackend
from limner.images.http import ImagesHttp
from limner.images.openai import OpenAIImages
from limner.wire import engine_status
from limner.wire.engine_status import EngineStatus
from limner.wire.images_dialect import ServerFacts

PROBE_TIMEOUT_S = 15.0
_PASSED_ON = frozenset(
    {
        "model",
        "steps",
        "guidance_scale",
        "max_queue",
        "max_concurrent",
        "device",
        "dtype",
        "threads",
        "picture_metadata",
    }
)
_OURS = ("LIMNER_", "IMAGE_GEN_")


@dataclass(frozen=True, slots=True)
class EngineChild:
    """backend: paints, and waits while the engine loads."""

    backend: WaitingBackend
    supervisor: Supervisor
    probe: Probe


@asynccontextmanager
async def open_child(settings: Settings) -> AsyncIterator[EngineChild]:
    """Run the engine as long as the body runs. Does not wait until it is ready."""
    async with AsyncExitStack() as stack:
        socket = stack.enter_context(run_folder(settings.data)) / "engine.sock"
        probe = await stack.enter_async_context(open_probe(socket))
        http = await stack.enter_async_context(ImagesHttp("http://engine", socket=str(socket)))
        name = model_name(settings.model)
        # The rest is left to the engine, which knows its model and reports what it does.
        can = ImageCapabilities(
            name,
            formats=FORMATS,
            progress=True,
            seed=True,
            edits=True,
            mask=True,
            max_images=1,
            input_fidelity=True,
            strength=True,
            transparent=False,
            repeatable=True,
        )
        supervisor = Supervisor(
            engine_command(settings, socket),
            probe.readiness,
            on_line=logs.relay,
            environ=engine_environ(os.environ),
        )
        backend = WaitingBackend(
            OpenAIImages(http, ServerFacts(can)),
            supervisor.settled,
            queue_limit=settings.max_queue + settings.painted_at_a_time,
            loaded=lambda: probe.status.can,
        )
        await stack.enter_async_context(supervisor.run())
        yield EngineChild(backend, supervisor, probe)


def engine_command(settings: Settings, socket: Path) -> list[str]:
    """`limner engine` with the settings that concern it, as flags."""
    command = [sys.executable, "-m", "limner", "engine", "--with-parent", "--socket", str(socket)]
    for entry in TABLE:
        value = getattr(settings, entry.name)
        if entry.name in _PASSED_ON and value is not None:
            command += [entry.flag, str(value)]
    # What it does is logged here as well, under the ids that clients know.
    level = "debug" if settings.log_level == "debug" else "warning"
    return [*command, "--log-level", level]


def engine_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without our own settings, which go as flags, and without our keys."""
    passed = {name: value for name, value in environ.items() if not name.startswith(_OURS)}
    return {**passed, "LIMNER_LOG_FORMAT": "json"}


class Probe:
    """Asks the engine for its status; keeps the last one."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.status = EngineStatus(Readiness("loading", "the engine starts", 0.0))

    async def readiness(self) -> Readiness:
        """Raises OSError or TimeoutError when there is no answer."""
        try:
            async with self._session.get(f"http://engine{engine_status.PATH}") as response:
                self.status = engine_status.parse_status(await response.read())
        except (aiohttp.ClientError, ValueError) as error:
            raise OSError(str(error)) from error
        return self.status.readiness


@asynccontextmanager
async def open_probe(socket: Path) -> AsyncIterator[Probe]:
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(str(socket)),
        timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S),
    ) as session:
        yield Probe(session)

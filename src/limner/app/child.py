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
from limner.config import TABLE, TAKEN_BY_AN_ENGINE, Settings
from limner.core.image import FORMATS, ImageCapabilities
from limner.core.ports import ImageBackend
from limner.core.readiness import Readiness
from limner.gateway.supervised import SupervisedBackend
from limner.gateway.supervisor import Patience, StuckError, Supervisor
from limner.images.http import ImagesHttp
from limner.images.openai import OpenAIImages
from limner.wire import engine_status
from limner.wire.engine_status import EngineStatus
from limner.wire.images_dialect import Dialect, ServerFacts
from limner.wire.jobs import Engine

LOADING_PATIENCE_S, PATIENCE_S = 15.0, 5.0
"""For one answer: what is imported while a model loads can hold up a whole process."""

PATIENCE = Patience()
_PASSED_ON = TAKEN_BY_AN_ENGINE - {"step_timeout_s"}  # of which it is we who keep count
_OURS = ("LIMNER_", "IMAGE_GEN_")


@dataclass(frozen=True, slots=True)
class EngineChild:
    """One engine. backend: fails while the engine loads; wait for the supervisor before it."""

    name: str
    backend: ImageBackend
    supervisor: Supervisor
    probe: Probe

    @property
    def is_ready(self) -> bool:
        return self.supervisor.readiness.state == "ready"

    @property
    def told(self) -> Engine:
        """What is known of it just now."""
        status = self.probe.status
        return Engine(self.name, self.supervisor.readiness, status.device, status.gpu)


@asynccontextmanager
async def open_child(
    settings: Settings, socket: Path, *, name: str = "engine"
) -> AsyncIterator[EngineChild]:
    """Run the engine as long as the body runs. Does not wait until it is ready.

    settings: with its own device. socket: where it will listen.
    """
    async with AsyncExitStack() as stack:
        probe = await stack.enter_async_context(open_probe(socket, settings.step_timeout_s))
        http = await stack.enter_async_context(ImagesHttp("http://engine", socket=str(socket)))
        # The rest is left to the engine, which knows its model and reports what it does.
        can = ImageCapabilities(
            model_name(settings.model),
            formats=FORMATS,
            progress=True,
            seed=True,
            edits=True,
            mask=True,
            input_fidelity=True,
            strength=True,
            transparent=False,
            repeatable=True,
            loras=tuple(each.name for each in settings.loras),
        )
        supervisor = Supervisor(
            engine_command(settings, socket),
            probe.readiness,
            on_line=logs.relay,
            environ=engine_environ(os.environ),
            patience=PATIENCE,
            which=name,
        )
        facts = ServerFacts(can, Dialect(tells=frozenset({"service_tier", "user"})))
        backend = SupervisedBackend(OpenAIImages(http, facts), supervisor)
        await stack.enter_async_context(supervisor.run())
        yield EngineChild(name, backend, supervisor, probe)


def engine_command(settings: Settings, socket: Path) -> list[str]:
    """`limner engine` with the settings that concern it, as flags."""
    command = [sys.executable, "-m", "limner", "engine", "--with-parent", "--socket", str(socket)]
    for entry in TABLE:
        value = getattr(settings, entry.name)
        if entry.name in _PASSED_ON and value not in (None, ()):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            command += [entry.flag, text]
    # What it does is logged here as well, under the ids that clients know.
    level = "debug" if settings.log_level == "debug" else "warning"
    return [*command, "--log-level", level]


def engine_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without our own settings, which go as flags, and without our keys."""
    passed = {name: value for name, value in environ.items() if not name.startswith(_OURS)}
    return {**passed, "LIMNER_LOG_FORMAT": "json"}


class Probe:
    """Asks the engine for its status; keeps the last one.

    step_timeout_s: the longest that a call of the model may take; None to go by those before it.
    """

    def __init__(self, session: aiohttp.ClientSession, step_timeout_s: float | None = None) -> None:
        self._session = session
        self._step_timeout_s = step_timeout_s
        self.status = EngineStatus(Readiness("loading", "the engine starts", 0.0))

    async def readiness(self) -> Readiness:
        """Raises OSError or TimeoutError when there is no answer, StuckError for a call too long.

        What happens before the engine is ready may take any time.
        """
        is_ready = self.status.readiness.state == "ready"
        patience = aiohttp.ClientTimeout(total=PATIENCE_S if is_ready else LOADING_PATIENCE_S)
        try:
            async with self._session.get(
                f"http://engine{engine_status.PATH}", timeout=patience
            ) as response:
                self.status = engine_status.parse_status(await response.read())
        except (aiohttp.ClientError, ValueError) as error:
            raise OSError(str(error)) from error
        limit_s = self._step_timeout_s or self.status.call_limit_s
        if self.status.readiness.state == "ready" and self.status.call_s > limit_s:
            raise StuckError(f"the model is in one call for more than {limit_s:.0f} s")
        return self.status.readiness


@asynccontextmanager
async def open_probe(socket: Path, step_timeout_s: float | None = None) -> AsyncIterator[Probe]:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session:
        yield Probe(session, step_timeout_s)

"""A painter as the settings want it: the part of the engine that needs torch."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from limner.app.marks import finish_of, finished
from limner.config import Settings
from limner.core.errors import ConfigError
from limner.core.ports import ImageBackend
from limner.core.readiness import Readiness
from limner.wire.engine_status import EngineStatus
from limner.wire.jobs import Gpu

if TYPE_CHECKING:
    from limner.engine.loading import Progress
    from limner.engine.painter import Painter
    from limner.engine.picture_model import PictureModel
    from limner.engine.tuning import Tuning

DEFAULT_MODEL = "tiny"
ENGINE_PACKAGES = ("torch", "diffusers", "transformers")
INSTALL = "pip install 'limner[engine]'"
_GIB = 2**30
_COMPILED = "TORCHINDUCTOR_CACHE_DIR"

logger = logging.getLogger(__name__)


def missing_packages() -> list[str]:
    """Those that the engine needs and that are not installed; imports none of them."""
    return [name for name in ENGINE_PACKAGES if find_spec(name) is None]


def model_name(model: str | None) -> str:
    """What a model is served as: the last part of its path or of its name on the Hub."""
    return Path(model or DEFAULT_MODEL).name


class Easel:
    """A painter with what the process knows about it. backend: the same, its files marked."""

    def __init__(
        self,
        settings: Settings,
        on_readiness: Callable[[Readiness], None] = lambda readiness: None,
    ) -> None:
        """on_readiness: called at every change.

        Raises ConfigError where the engine's packages are not installed.
        """
        if missing := missing_packages():
            raise ConfigError(
                f"The engine needs {', '.join(missing)}, which this Python has not. Install the "
                f"engine's packages: {INSTALL}"
            )
        # Threads that spin at barriers make a busy small machine slow; read when torch is imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        keep_compiled(settings.compile_cache)
        from limner.engine.measured_budget import measured_budget
        from limner.engine.painter import Painter
        from limner.engine.scheduler import NATIVE_TOKENS, Scheduler

        self._settings = settings
        self._on_readiness = on_readiness
        self._device: str | None = None
        self.painter: Painter = Painter(
            self._load,
            name=model_name(settings.model),
            scheduler=Scheduler(
                queue_limit=settings.max_queue,
                max_concurrent=settings.painted_at_a_time,
                token_budget=settings.token_budget or NATIVE_TOKENS,
            ),
            fresh_seed=partial(secrets.randbits, 32),
            on_readiness=self._note,
            measure=None if settings.token_budget else measured_budget,
            picture_timeout_s=settings.picture_timeout_s,
        )
        self.backend: ImageBackend = finished(self.painter, finish_of(settings))
        self._failed = asyncio.Event()

    async def broken(self) -> None:
        """Wait until the painter cannot go on."""
        await self._failed.wait()

    @property
    def status(self) -> EngineStatus:
        stats = self.painter.stats
        return EngineStatus(
            self.painter.readiness,
            device=self._device,
            gpu=gpu_of(self._device),
            can=self.painter.capabilities if self.painter.readiness.state == "ready" else None,
            running=stats.running,
            queued=stats.queued,
            steps=stats.steps,
            pictures=stats.pictures,
            idle=stats.idle,
            call_s=stats.call_s,
            slowest_call_s=stats.slowest_call_s,
            token_budget=stats.token_budget,
            passes=stats.passes,
            setup=self.painter.setup,
        )

    def _note(self, readiness: Readiness) -> None:
        facts = {"action": f"engine_{readiness.state}", "what": readiness.message}
        logger.info("engine %s", readiness.state, extra=facts)
        self._on_readiness(readiness)
        if readiness.state == "failed":
            self._failed.set()

    def _load(self, progress: Progress) -> PictureModel:
        from limner.engine.loading import load, open_model
        from limner.engine.model import with_choices
        from limner.engine.previews import PreviewChoice

        settings = self._settings
        loaded = load(
            settings.model or DEFAULT_MODEL,
            name=model_name(settings.model),
            device=settings.device,
            dtype=settings.dtype,
            threads=settings.threads,
            offload=settings.offload,
            quantize=settings.quantize,
            previews=PreviewChoice(settings.previews, settings.preview_decoder),
            loras=settings.loras,
            progress=progress,
        )
        facts = with_choices(loaded.facts, steps=settings.steps, guidance=settings.guidance_scale)
        self._device = str(loaded.device)
        return open_model(replace(loaded, facts=facts), self._tuning(), progress)

    def _tuning(self) -> Tuning:
        from limner.engine.tuning import Tuning

        settings = self._settings
        return Tuning(
            attention=settings.attention,
            compile=settings.compile,
            warm_sizes=settings.warm_sizes,
        )


def keep_compiled(folder: Path | None) -> None:
    """Have torch keep what it compiles there; read when it is imported.

    None stands for what the environment names, else the user's folder for caches. A folder that
    cannot be made is left out: torch has one of its own among temporary files.
    """
    named = os.environ.get(_COMPILED)
    chosen = folder or Path(named or user_cache_path("limner", appauthor=False) / "compiled")
    try:
        chosen.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        logger.warning("what is compiled is not kept: %s", error, extra={"action": "compile"})
        return
    os.environ[_COMPILED] = str(chosen)


def gpu_of(device: str | None) -> Gpu | None:
    """What is known of a GPU by its torch device; None for anything else."""
    if device is None or device == "cpu":
        return None
    import torch

    from limner.engine.device import device_facts

    facts = device_facts(torch, torch.device(device))
    if facts is None:
        return None
    return Gpu(
        facts.name,
        vram_total_gb=round(facts.total_bytes / _GIB, 2),
        vram_used_gb=round((facts.total_bytes - facts.free_bytes) / _GIB, 2),
        rocm_version=facts.rocm,
        cuda_version=facts.cuda,
    )

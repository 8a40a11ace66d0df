"""The engine as an image back end: fills `core.ports.ImageBackend`.

It loads one pipeline, then hands requests to the studio. Image files are read and written in a
thread of their own, so that neither the event loop nor the model waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import assert_never

from limner.core.errors import ConfigError, ImageError
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
)
from limner.core.readiness import Readiness, ReadinessState
from limner.engine.decoding import decoder_beside
from limner.engine.encode import encode
from limner.engine.job import Frame, Job
from limner.engine.loading import Progress
from limner.engine.model import ModelFacts
from limner.engine.params import Plan, capabilities, plan
from limner.engine.picture_model import PictureModel
from limner.engine.room import what_helps
from limner.engine.scheduler import Asker, Scheduler
from limner.engine.source import Source, plan_edit
from limner.engine.studio import Stats, Studio
from limner.engine.weights import Precision
from limner.engine.worker import Worker, is_out_of_memory

logger = logging.getLogger(__name__)

LOADING_SHARE = 0.9
MEASURING_SHARE = 0.95
"""Of the way to readiness; the rest is the first picture, and then passes of several."""


class Painter:
    """One loaded pipeline and its queue. `start` before use, `close` after; both once."""

    def __init__(
        self,
        load: Callable[[Progress], PictureModel],
        *,
        name: str,
        scheduler: Scheduler[Job],
        fresh_seed: Callable[[], int],
        on_readiness: Callable[[Readiness], None] = lambda readiness: None,
        measure: Callable[[PictureModel], int | None] | None = None,
        picture_timeout_s: float | None = None,
    ) -> None:
        """load: blocks until the pipeline is there; runs in the worker thread, as does `measure`.

        name: what the model is served as, said until it is loaded. fresh_seed: makes the seed of
        requests without one. on_readiness: called on the event loop at every change.
        measure: finds the scheduler's token budget. picture_timeout_s: see `Studio`.
        """
        self._load = load
        self._scheduler = scheduler
        self._fresh_seed = fresh_seed
        self._on_readiness = on_readiness
        self._name = name
        self._measure = measure
        self._picture_timeout_s = picture_timeout_s
        self._readiness = Readiness("loading", f"{name!r} is about to load", 0.0)
        self._setup: Mapping[str, str] = {}
        self._worker = Worker()
        self._decoder: Worker | None = None
        self._encoder = ThreadPoolExecutor(1, "limner-encode")
        self._ready: tuple[ModelFacts, Studio, asyncio.Task[None]] | None = None

    @property
    def capabilities(self) -> ImageCapabilities:
        """Until the model is loaded its sizes are not known."""
        if self._ready:
            return capabilities(self._ready[0])
        return replace(
            capabilities(ModelFacts(self._name)),
            sizes=None,
            native_size=None,
            size_multiple=None,
            min_edge_px=None,
            max_edge_px=None,
        )

    @property
    def readiness(self) -> Readiness:
        return self._readiness

    @property
    def stats(self) -> Stats:
        return self._ready[1].stats if self._ready else Stats()

    @property
    def setup(self) -> Mapping[str, str]:
        """How the model was made quick, in words, by what it concerns; nothing until it is here."""
        return self._setup

    async def start(self) -> None:
        """Load the model, paint one picture for nobody, and begin.

        Raises what loading raises, as a rule ConfigError; readiness is `failed` then.
        """
        loop = asyncio.get_running_loop()

        def progress(share: float, words: str) -> None:
            loop.call_soon_threadsafe(self._tell, "loading", words, LOADING_SHARE * share)

        try:
            model = await self._worker.run(self._load, progress)
            self._setup = model.setup
            self._tell("loading", "painting a first picture", LOADING_SHARE)
            self._worker.forget_times()
            await self._warm_up(model)
            await self._find_budget(model)
        except Exception as error:
            words = error.message if isinstance(error, ConfigError) else repr(error)
            self._tell("failed", f"the model could not be loaded: {words}")
            raise
        self._decoder = decoder_beside(model)
        studio = Studio(
            model,
            self._worker,
            self._scheduler,
            decoder=self._decoder,
            picture_timeout_s=self._picture_timeout_s,
        )
        running = asyncio.create_task(studio.run())
        running.add_done_callback(self._ended)
        self._ready = model.facts, studio, running
        self._tell("ready", f"{model.facts.name!r} paints on {model.device}", 1.0)

    async def _warm_up(self, model: PictureModel) -> None:
        try:
            await self._worker.run(model.warm_up)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise ConfigError(
                f"model {model.facts.name!r} leaves no memory of {model.device} for a picture of "
                f"{model.facts.native_size}. {what_helps(Precision(model.dtype), model.device)}"
            ) from error

    async def _find_budget(self, model: PictureModel) -> None:
        if self._measure is None:
            return
        self._tell("loading", "timing passes of several pictures", MEASURING_SHARE)
        budget = await self._worker.run(self._measure, model)
        if budget is not None:
            self._scheduler.token_budget = budget

    async def close(self) -> None:
        """Stop at the end of the step under way; requests that are not finished fail."""
        if self._ready:
            running = self._ready[2]
            running.cancel()
            await asyncio.wait([running])
        for worker in (self._worker, self._decoder):
            if worker:
                await worker.close()
        await asyncio.to_thread(self._encoder.shutdown)

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Paint. Closing stops the model after the step under way and waits for that.

        Progress counts the steps of all `n` pictures together.
        """
        try:
            facts, studio = self._open()
            asker = Asker(request.client, request.priority)
            job = studio.enter(*await self._planned(request, facts), asker)
        except ImageError as error:
            yield _failed(error)
            return
        try:
            async with aclosing(self._events(job)) as events:
                async for event in events:
                    yield event
        finally:
            await studio.leave(job)

    async def _events(self, job: Job) -> AsyncGenerator[ImageEvent, None]:
        left = len(job.plan.seeds)
        shown = [0] * left
        async with aclosing(job.read()) as items:
            async for item in items:
                match item:
                    case ImageProgress():
                        yield item
                    case ImageFailed():
                        yield item
                        return
                    case Frame(picture, finished=False):
                        image = await self._encode(item, job)
                        resolved = job.plan.resolved(picture)
                        yield PartialImage(shown[picture], image, resolved, picture)
                        shown[picture] += 1
                    case Frame(picture):
                        left -= 1
                        image = await self._encode(item, job)
                        usage = None if left else job.usage
                        yield ImageCompleted(image, job.plan.resolved(picture), usage, picture)
                        if not left:
                            return
                    case _:
                        assert_never(item)

    async def _planned(
        self, request: ImageRequest, facts: ModelFacts
    ) -> tuple[Plan, Source | None]:
        seed = self._fresh_seed()
        if not request.is_edit:
            return plan(request, facts, seed), None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoder, plan_edit, request, facts, seed)

    async def _encode(self, frame: Frame, job: Job) -> ImageData:
        loop = asyncio.get_running_loop()
        cover = job.source.cover if job.source else None
        write = partial(encode, frame.pixels, job.plan, cover, preview=not frame.finished)
        return await loop.run_in_executor(self._encoder, write)

    def _open(self) -> tuple[ModelFacts, Studio]:
        if self._ready and self._readiness.state == "ready":
            return self._ready[:2]
        loading = self._readiness.state == "loading"
        raise ImageError(
            f"the engine is not ready: {self._readiness.message}",
            code="model_loading" if loading else "engine_stopped",
            retryable=loading,
            status=503,
            retry_after_s=2.0 if loading else None,
        )

    def _ended(self, running: asyncio.Task[None]) -> None:
        """The studio was closed, or a mistake of ours broke it; either way nothing paints now."""
        self._tell("failed", "the engine has stopped")
        if not running.cancelled() and (error := running.exception()):
            logger.critical("the engine broke", exc_info=error, extra={"action": "paint"})

    def _tell(self, state: ReadinessState, message: str, progress: float | None = None) -> None:
        self._readiness = Readiness(state, message, progress)
        self._on_readiness(self._readiness)


def _failed(error: ImageError) -> ImageFailed:
    return ImageFailed(
        error.message,
        code=error.code,
        type=error.type,
        retryable=error.retryable,
        status=error.status,
        param=error.param,
        retry_after_s=error.retry_after_s,
    )

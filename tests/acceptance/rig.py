"""`limner serve` in a process of its own, before scripted servers of every kind and a painter.

The `model` of a request picks the kind of language model by its name: `chat`, `responses`,
`anthropic`, `harmony`, `prompted`, or `intent`, the built-in rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests.acceptance.painter import ScriptedPainter
from tests.conformance.dialects import KINDS, Deed, Kind
from tests.e2e.processes import Server, serving
from tests.scripted_chat import ScriptedChat

UPSTREAM = """
[upstreams.{kind.name}]
kind = "{dialect}"
{url}
models = ["{kind.name}"]
vision = {vision}
tools = "{kind.tools}"
"""
PAINTER = '[images.painter]\nbackend = "openai+{url}"\n'
KIND = {kind.name: kind for kind in KINDS}


@dataclass(frozen=True)
class Rig:
    """server: the process. models: the doubles of the language models, by kind."""

    server: Server
    painter: ScriptedPainter
    models: Mapping[str, ScriptedChat]

    @property
    def url(self) -> str:
        return f"{self.server.url}/v1"

    def play(self, kind: Kind, deeds: Iterable[Deed]) -> None:
        """Let the model of this kind do these next. What was asked before is forgotten."""
        self.painter.clear()
        if kind.name in self.models:
            self.models[kind.name].play(kind.script(deeds))

    def sdk(self, **options: Any) -> openai.AsyncOpenAI:
        """The official client, which checks what it gets against its types."""
        settings = {"api_key": "none", "max_retries": 0, "_strict_response_validation": True}
        return openai.AsyncOpenAI(base_url=self.url, **{**settings, **options})


@asynccontextmanager
async def rigged(folder: Path, *flags: str) -> AsyncIterator[Rig]:
    """A server before doubles of its own, until the end."""
    async with AsyncExitStack() as stack:
        painter = await stack.enter_async_context(ScriptedPainter())
        models = {
            kind.name: await stack.enter_async_context(kind.server([]))
            for kind in KINDS
            if kind.server is not None
        }
        tables = [_upstream(kind, models.get(kind.name)) for kind in KINDS]
        file = folder / "limner.toml"
        file.write_text("".join((*tables, PAINTER.format(url=painter.url))))
        process = serving(folder, "--config", str(file), *flags)
        async with beside(process) as server:
            yield Rig(server, painter, models)


def _upstream(kind: Kind, double: ScriptedChat | None) -> str:
    return UPSTREAM.format(
        kind=kind,
        dialect=kind.speaks or kind.name,
        url=f'url = "{double.url}"' if double else "",
        vision=str(kind.sees).lower(),
    )


@asynccontextmanager
async def beside(process: AbstractContextManager[Server]) -> AsyncIterator[Server]:
    """A server that starts and ends in a thread, so that the doubles of this one can answer it."""
    server = await asyncio.to_thread(process.__enter__)
    try:
        yield server
    finally:
        await asyncio.to_thread(process.__exit__, None, None, None)

"""OpenAI's library -> `limner serve` -> a language model server that others wrote."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFailedEvent,
    ResponseIncompleteEvent,
)
from PIL import Image

from tests.acceptance.painter import ScriptedPainter
from tests.acceptance.rig import PAINTER, beside
from tests.e2e.processes import Server, environment, serving

TOOL: Any = {"type": "image_generation", "size": "64x64"}
PROMPTED = "prompted"
"""A Chat upstream whose model is told of functions in words."""

UPSTREAM = """
[upstreams.{name}]
kind = "{kind}"
tools = "{tools}"
url = "{url}"
vision = {vision}
retries = 0
circuit.failures = 0
aliases = {{ {aliases} }}
{key}
"""


@dataclass(frozen=True)
class Heard:
    """A response. previews: how many partial images came before its end."""

    response: Response
    previews: int = 0

    @property
    def types(self) -> list[str]:
        """What came, in its order."""
        return [item.type for item in self.response.output]

    @property
    def made(self) -> list[str]:
        """The same without thoughts, which some servers make up where they are asked for seals."""
        return [type_ for type_ in self.types if type_ != "reasoning"]

    @property
    def pictures(self) -> list[Image.Image]:
        """Those that were painted, decoded."""
        return [
            Image.open(io.BytesIO(base64.b64decode(item.result)))
            for item in self.response.output
            if item.type == "image_generation_call" and item.result
        ]

    @property
    def adjustments(self) -> list[str]:
        """What was done otherwise than asked."""
        told: list[str] = self.response.to_dict().get("limner", {}).get("adjustments", [])  # type: ignore[attr-defined]
        return told


@dataclass(frozen=True)
class Chain:
    """`limner serve` before the server. A model is asked for as `kind/model`."""

    server: Server
    painter: ScriptedPainter

    async def ask(self, model: str, input: Any, **fields: Any) -> Heard:
        """Ask in a stream, read it to its end, and judge every event by the library's types."""
        self.painter.clear()
        async with sdk(self.server) as client:
            return await heard(client, model=model, input=input, **{"tools": [TOOL], **fields})

    async def ask_whole(self, model: str, input: Any) -> Heard:
        """Ask for the response in one piece."""
        self.painter.clear()
        async with sdk(self.server) as client:
            return Heard(await client.responses.create(model=model, input=input, tools=[TOOL]))

    @property
    def prompts(self) -> list[str]:
        """What the painter was asked for by the latest response."""
        return [asked["prompt"] for asked in self.painter.asked]


def sdk(server: Server, *, strict: bool = True) -> openai.AsyncOpenAI:
    """The official client. strict: it refuses what is not of its types, which it does not usually:
    of failed responses it knows a few codes, and servers make up others, which are passed on."""
    return openai.AsyncOpenAI(
        base_url=f"{server.url}/v1",
        api_key="none",
        max_retries=0,
        _strict_response_validation=strict,
    )


async def heard(client: openai.AsyncOpenAI, **asked: Any) -> Heard:
    """What comes of a request that streams."""
    stream = await client.responses.create(**asked, stream=True)
    events = [event async for event in stream]
    last = events[-1]
    ends = ResponseCompletedEvent | ResponseIncompleteEvent | ResponseFailedEvent
    assert isinstance(last, ends), last
    return Heard(last.response, sum(event.type.endswith(".partial_image") for event in events))


@asynccontextmanager
async def chained(
    folder: Path,
    url: str,
    kinds: Iterable[str],
    models: Iterable[str],
    *,
    key: str = "",
    vision: bool = False,
) -> AsyncIterator[Chain]:
    """The chain before the server at this address, asked in these dialects for these models.

    key: what the server wants to be shown. vision: whether its models are shown pictures.
    """
    models = tuple(models)
    async with AsyncExitStack() as stack:
        painter = await stack.enter_async_context(ScriptedPainter())
        tables = [_upstream(kind, url, models, bool(key), vision) for kind in kinds]
        file = folder / "limner.toml"
        file.write_text("".join((*tables, PAINTER.format(url=painter.url))))
        variables = {"FOREIGN_KEY": key} if key else {}
        process = serving(folder, "--config", str(file), **variables)
        yield Chain(await stack.enter_async_context(beside(process)), painter)


def _upstream(kind: str, url: str, models: Iterable[str], has_key: bool, vision: bool) -> str:
    aliases = (f'"{kind}/{model.rpartition("/")[2]}" = "{model}"' for model in models)
    return UPSTREAM.format(
        name=kind,
        kind="chat" if kind == PROMPTED else kind,
        tools=PROMPTED if kind == PROMPTED else "auto",
        url=url,
        vision=str(vision).lower(),
        aliases=", ".join(aliases),
        key='key_env = "FOREIGN_KEY"' if has_key else "",
    )


async def examined(folder: Path, url: str, model: str, *, key: str = "") -> dict[str, str]:
    """What `limner doctor --online` says of the server: the state of each check."""
    flags = ("--llm", url, "--llm-model", model, "--image-backend", "none", "--data", str(folder))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "limner", "doctor", "--online", "--json", *flags),
        env={**environment(), **({"LIMNER_LLM_API_KEY": key} if key else {})},
        stdout=PIPE,
    )
    told, _ = await process.communicate()
    return {check["check"]: check["state"] for check in json.loads(told)["checks"]}

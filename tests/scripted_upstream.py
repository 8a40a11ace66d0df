"""A language model that does what a test wrote, and notes what it is asked.

ScriptedUpstream(says("Hello", " there"))      every turn goes so
ScriptedUpstream(draws)                        a turn calls the image tool, the next one speaks
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import orjson

from limner.core.items import FunctionCallOutput, Message
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnRequest,
    UpstreamCapabilities,
    Usage,
)

Script = Sequence[TurnEvent | asyncio.Event | type[Exception]]
"""An event of asyncio's is waited for; a class is raised."""


def says(*texts: str) -> list[TurnEvent]:
    """The model writes these texts, one delta each."""
    return [*(TextDelta(text) for text in texts), TurnEnded(Usage(10, len(texts)))]


def draws(request: TurnRequest) -> Script:
    """Call the tool with the user's words; speak once it has been called."""
    if any(isinstance(item, FunctionCallOutput) for item in request.items):
        return says("Here it is.")
    said = [item.text for item in request.items if isinstance(item, Message)]
    arguments = orjson.dumps({"prompt": said[-1]}).decode()
    return [
        CallStarted("0", "call_0", request.tools[0].name),
        CallDelta("0", arguments),
        CallEnded("0", arguments),
        TurnEnded(Usage(10, 5)),
    ]


class ScriptedUpstream:
    """requests: in the order of asking. has_begun, has_stopped: of the turn under way."""

    capabilities = UpstreamCapabilities("scripted")

    def __init__(self, script: Script | Callable[[TurnRequest], Script]) -> None:
        self.requests: list[TurnRequest] = []
        self.has_begun = asyncio.Event()
        self.has_stopped = asyncio.Event()
        self._script = script

    async def stream(self, request: TurnRequest) -> AsyncGenerator[TurnEvent, None]:
        self.requests.append(request)
        self.has_begun.set()
        try:
            for step in self._script(request) if callable(self._script) else self._script:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, type):
                    raise step
                else:
                    yield step
        finally:
            self.has_stopped.set()

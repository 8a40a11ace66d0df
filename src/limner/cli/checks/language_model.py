"""Whether a language model's server can be used: its key, whether it answers, and calls tools."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from limner.app.upstreams import ModelServer, http_to_list, open_server_of_models
from limner.app.vocabulary import load_vocabulary
from limner.cli.checks.verdict import Verdict, failure, ok, refused, skipped
from limner.core.errors import ConfigError, UpstreamError
from limner.core.items import Message, TextPart
from limner.core.turn import (
    CallEnded,
    FunctionTool,
    Sampling,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
)
from limner.upstreams.detect import known_dialect
from limner.upstreams.listed import MAX_LIST_BYTES
from limner.upstreams.prompted import ADJUSTMENT
from limner.wire.models import read_model_ids

PATIENCE_S = 60.0
"""For the whole conversation: a small machine may have to load the model first."""

TOOL = FunctionTool(
    "report_ready",
    "Report that you are ready.",
    {"type": "object", "properties": {"ready": {"type": "boolean"}}, "required": ["ready"]},
)
PLEA = "Call the function report_ready with ready set to true. Write nothing else."
MAX_TOKENS = 1024
"""Models that think need some hundred before they call."""

TOOLS = "tools"
NO_KEY = frozenset({401, 403})
START_IT = "Start that server, or name another address."
SAY_KEY = (
    "Put the right key into the variable LIMNER_LLM_API_KEY, or into the one that --llm-key-env "
    "or key_env names."
)
NO_WORDS = "Leave out --harmony-vocab, or name a folder that holds the file."
READ_CALLS = (
    "vLLM needs --enable-auto-tool-choice and --tool-call-parser to read calls, llama.cpp --jinja."
)
OTHER_MODEL = f"Set --llm-tools prompted, or choose a model that calls functions. {READ_CALLS}"
AS_IT_SAYS = f"Name a model of that server with --llm-model. {READ_CALLS}"


def check_language_model(name: str, server: ModelServer | None) -> Verdict:
    """What can be said without asking it. server: None where built-in rules stand for it."""
    if server is None:
        return ok(name, "none, built-in rules; --llm URL names one")
    if server.key is None and known_dialect(server.url):
        return failure(name, f"{server.url} wants a key, and none is set", SAY_KEY)
    if server.kind == "harmony" and server.harmony_vocab is not None:
        try:
            load_vocabulary(server.harmony_vocab)
        except ConfigError as error:
            return refused(name, error.message, NO_WORDS)
    return ok(name, f"{server.url}, not asked; --online asks it")


async def ask_language_model(name: str, server: ModelServer) -> list[Verdict]:
    """Ask for the list of models, then for one call of a function."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _ask(name, server)
    except TimeoutError:
        what = f"{server.url} was not done after {PATIENCE_S:g} s"
        remedy = "Look at what that server does, or ask again in a while."
        return [failure(name, what, remedy)]
    except UpstreamError as error:
        return [refused(name, f"{server.url}: {error.message}", START_IT)]
    except ConfigError as error:
        return [refused(name, error.message, "docs/configure.md lists what is accepted.")]


async def _ask(name: str, server: ModelServer) -> list[Verdict]:
    status, listed = await _list_models(server)
    if status in NO_KEY:
        return [failure(name, f"{server.url} refuses the key ({status})", SAY_KEY)]
    answers = ok(name, f"{server.url} answers")
    model = server.model or next(iter(listed), None)
    if model is None:
        what = f"{server.url} lists no model, so none was asked"
        return [answers, skipped(TOOLS, f"{what}; --llm-model names one")]
    return [answers, await _ask_for_call(replace(server, model=model))]


async def _list_models(server: ModelServer) -> tuple[int, list[str]]:
    async with http_to_list(server, server.limits) as http:
        status, body = await http.probe("GET", "models", most_bytes=MAX_LIST_BYTES)
    try:
        return status, [*read_model_ids(body)]
    except ValueError:
        return status, []


async def _ask_for_call(server: ModelServer) -> Verdict:
    async with AsyncExitStack() as stack:
        upstream = await open_server_of_models(server, stack)
        async with aclosing(upstream.stream(_request(str(server.model)))) as events:
            said = [event async for event in events]
    return _judge(str(server.model), said)


def _request(model: str) -> TurnRequest:
    # `auto`, as in most requests of clients: servers that do not read calls show it here.
    return TurnRequest(
        model,
        (Message("user", (TextPart(PLEA),)),),
        tools=(TOOL,),
        sampling=Sampling(max_output_tokens=MAX_TOKENS),
    )


def _judge(model: str, said: list[TurnEvent]) -> Verdict:
    match said[-1]:
        case TurnFailed(message):
            return failure(TOOLS, f"{model}: {message}", AS_IT_SAYS)
    if not any(isinstance(event, CallEnded) for event in said):
        return failure(TOOLS, f"{model} was asked for a call and wrote words", OTHER_MODEL)
    if isinstance(said[-1], TurnEnded) and ADJUSTMENT in said[-1].adjustments:
        return ok(TOOLS, f"{model} called the function in its text, as it was told in words")
    return ok(TOOLS, f"{model} called the function that it was offered")

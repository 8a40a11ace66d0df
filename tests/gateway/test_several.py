"""Language models behind one door: which is asked, for what, and when no longer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from limner.core.circuit import Circuit
from limner.core.errors import InvalidRequest
from limner.core.routing import Route, Routes
from limner.core.turn import (
    Sampling,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    UpstreamCapabilities,
)
from limner.gateway.several import GuardedUpstream, Served, Several, always, count_tokens
from tests.scripted_upstream import Script, ScriptedUpstream, says

ASK = TurnRequest("fast", ())
DOWN = TurnFailed("down", status=503, retryable=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def turn(upstream: Served | GuardedUpstream, request: TurnRequest = ASK) -> list[TurnEvent]:
    source = upstream.upstream if isinstance(upstream, Served) else upstream
    async with aclosing(source.stream(request)) as events:
        return [event async for event in events]


def guarded(
    script: Script, clock: Clock, total_s: float = 60
) -> tuple[GuardedUpstream, ScriptedUpstream]:
    behind = ScriptedUpstream(script)
    circuit = Circuit(clock, failures=2, rest_s=10)
    return GuardedUpstream(behind, name="far", circuit=circuit, total_s=total_s), behind


def state_of(upstream: GuardedUpstream) -> str:
    return upstream.readiness.state


async def test_an_alias_reaches_its_upstream_under_the_models_own_name() -> None:
    a, b = ScriptedUpstream(says("a")), ScriptedUpstream(says("b"))
    a.capabilities = UpstreamCapabilities("a", vision=False)
    several = Several(
        Routes([Route("a", ("qwen3",), {"fast": "qwen3"}), Route("b")]),
        {"a": Served(a, "strip"), "b": Served(b)},
    )
    served = several("fast")
    assert (served.image_tool, served.upstream.capabilities) == ("strip", a.capabilities)
    assert TextDelta("a") in await turn(served)
    assert [request.model for request in a.requests] == ["qwen3"]
    assert several("other") == Served(b)
    assert several("qwen3") == Served(a, "strip")


def test_a_model_that_no_upstream_has_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no model 'x' here, but qwen3"):
        Several(Routes([Route("a", ("qwen3",))]), {})("x")


def test_one_upstream_can_stand_for_all_names() -> None:
    upstream = ScriptedUpstream(says("a"))
    assert always(upstream, "off")("anything") == Served(upstream, "off")


async def test_a_server_that_keeps_failing_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    upstream, behind = guarded([DOWN], clock)
    assert state_of(upstream) == "ready"
    with caplog.at_level(logging.WARNING):
        assert [await turn(upstream) for _ in range(2)] == [[DOWN], [DOWN]]
    assert "circuit of an upstream opens" in caplog.text
    assert state_of(upstream) == "failed"
    clock.now = 4
    (refused,) = await turn(upstream)
    assert isinstance(refused, TurnFailed)
    assert (refused.status, refused.code, refused.retry_after_s) == (
        503,
        "upstream_unavailable",
        6,
    )
    assert len(behind.requests) == 2


async def test_it_is_asked_again_after_its_rest(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    replies: Iterator[Script] = iter([[DOWN], [DOWN], says("back")])
    circuit = Circuit(clock, failures=2, rest_s=10)
    behind = ScriptedUpstream(lambda request: next(replies))
    upstream = GuardedUpstream(behind, name="far", circuit=circuit)
    await turn(upstream)
    await turn(upstream)
    clock.now = 10
    with caplog.at_level(logging.WARNING):
        assert isinstance((await turn(upstream))[-1], TurnEnded)
    assert "circuit of an upstream closes" in caplog.text
    assert state_of(upstream) == "ready"


@pytest.mark.parametrize("status", [400, 401, 404, 429])
async def test_refusals_that_are_the_clients_matter_leave_it_open_to_others(status: int) -> None:
    upstream, behind = guarded([TurnFailed("no", status=status)], Clock())
    for _ in range(3):
        await turn(upstream)
    assert len(behind.requests) == 3


class Counting(ScriptedUpstream):
    async def count(self, request: TurnRequest) -> int | None:
        return len(request.model)


async def test_a_server_that_counts_does_so_behind_every_door() -> None:
    clock = Clock()
    circuit = Circuit(clock, failures=1, rest_s=10)
    guarded = GuardedUpstream(Counting([DOWN]), name="far", circuit=circuit)
    several = Several(Routes([Route("a", ("qwen3",), {"fast": "qwen3"})]), {"a": Served(guarded)})
    assert await count_tokens(several("fast").upstream, ASK) == len("qwen3")
    await turn(guarded)
    assert await count_tokens(guarded, ASK) is None


async def test_a_server_that_does_not_count_is_not_asked_to() -> None:
    upstream, _ = guarded([DOWN], Clock())
    assert await count_tokens(upstream, ASK) is None


async def test_a_turn_ends_in_time() -> None:
    upstream, behind = guarded([TextDelta("a"), asyncio.Event()], Clock(), total_s=0.01)
    said, late = await turn(upstream)
    assert said == TextDelta("a")
    assert isinstance(late, TurnFailed)
    assert (late.status, late.code) == (504, "upstream_timeout")
    assert late.message == (
        "The language model server 'far' did not end its reply within the 0.01 s that a turn "
        "may take."
    )
    assert behind.has_stopped.is_set()


async def test_a_time_out_of_the_upstreams_own_is_its_bug() -> None:
    upstream, _ = guarded([TimeoutError], Clock())
    with pytest.raises(TimeoutError):
        await turn(upstream)


async def test_closing_the_turn_closes_what_is_behind_it() -> None:
    upstream, behind = guarded([TextDelta("a"), asyncio.Event()], Clock())
    async with aclosing(upstream.stream(ASK)) as events:
        await anext(events)
    assert behind.has_stopped.is_set()


async def test_the_operator_s_limit_holds_where_the_client_sets_none() -> None:
    behind = ScriptedUpstream(says("hi"))
    upstream = GuardedUpstream(behind, name="far", circuit=Circuit(Clock()), max_output_tokens=900)
    await turn(upstream)
    await turn(upstream, replace(ASK, sampling=Sampling(max_output_tokens=7)))
    limits = [request.sampling.max_output_tokens for request in behind.requests]
    assert limits == [900, 7]

"""One child process, kept running: a small program plays the engine, a list its health."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from limner.core.readiness import Readiness
from limner.gateway.supervisor import Patience, StuckError, Supervisor

LOADING = Readiness("loading", "reading weights", 0.5)
READY = Readiness("ready", "painting", 1.0)
QUICK = Patience(loading_probe_s=0, probe_s=0, misses=2, restart_s=0, stop_s=5, attempts=2)
STAYS = "import os, sys; print('up', os.getpid(), flush=True); sys.stdin.read()"


class Engine:
    """What the child says of itself, one answer for each question; the last is repeated."""

    def __init__(
        self, program: str, answers: Iterable[Readiness | Exception], patience: Patience = QUICK
    ) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.answers = list(answers)
        self.supervisor = Supervisor(
            [sys.executable, "-c", program],
            self._probe,
            on_line=self.lines.put_nowait,
            patience=patience,
        )

    async def _probe(self) -> Readiness:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def pid(self) -> int:
        return int((await self.lines.get()).split()[1])


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def test_what_the_child_says_of_itself_is_relayed_until_it_is_ready() -> None:
    engine = Engine(STAYS, [OSError("no socket yet"), LOADING, READY])
    assert engine.supervisor.readiness.state == "loading"
    async with engine.supervisor.run():
        assert await engine.supervisor.settled() == READY
        assert engine.supervisor.pid == await engine.pid()


async def test_the_child_ends_with_us() -> None:
    engine = Engine(STAYS, [READY])
    async with engine.supervisor.run():
        pid = await engine.pid()
    assert not is_alive(pid)
    assert engine.supervisor.pid is None


async def test_a_child_that_does_not_stop_when_asked_is_made_to() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAYS
    engine = Engine(deaf, [READY], Patience(stop_s=0))
    async with engine.supervisor.run():
        pid = await engine.pid()
    assert not is_alive(pid)


async def test_a_child_that_dies_is_replaced() -> None:
    engine = Engine(STAYS, [READY])
    async with engine.supervisor.run():
        first = await engine.pid()
        await engine.supervisor.settled()
        os.kill(first, signal.SIGKILL)
        second = await engine.pid()
        assert second != first
        assert await engine.supervisor.settled() == READY


async def test_after_some_failures_requests_no_longer_wait_but_attempts_go_on() -> None:
    engine = Engine("print('up', flush=True); raise SystemExit(3)", [OSError()])
    async with engine.supervisor.run():
        readiness = await engine.supervisor.settled()
        assert readiness.state == "failed"
        assert "exit code 3" in readiness.message
        for _ in range(4):
            assert await engine.lines.get() == "up"


async def test_a_child_that_refuses_its_settings_is_not_started_again() -> None:
    engine = Engine("print('limner: no such model', flush=True); raise SystemExit(2)", [OSError()])
    async with engine.supervisor.run():
        readiness = await engine.supervisor.settled()
        assert readiness == Readiness("failed", "the engine cannot start: no such model")
        assert engine.lines.qsize() == 1
        assert engine.supervisor.pid is None


async def test_a_child_that_no_longer_answers_is_killed_and_replaced() -> None:
    engine = Engine(STAYS, [READY])
    async with engine.supervisor.run():
        first = await engine.pid()
        engine.answers = [READY, TimeoutError(), TimeoutError(), READY]
        second = await engine.pid()
        assert second != first
        assert not is_alive(first)


async def test_a_child_whose_answers_cannot_be_read_is_killed_and_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Engine(STAYS, [READY])
    async with engine.supervisor.run():
        first = await engine.pid()
        engine.answers = [READY, KeyError("state"), KeyError("state"), READY]
        assert await engine.pid() != first
    assert "engine cannot be understood" in caplog.text


async def test_a_child_that_gets_nowhere_is_killed_at_once_and_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = Engine(STAYS, [READY], replace(QUICK, misses=1_000_000))
    async with engine.supervisor.run():
        first = await engine.pid()
        engine.answers = [READY, StuckError("one step takes for ever"), READY]
        second = await engine.pid()
        assert second != first
        assert engine.supervisor.hangs == 1
    [hangs] = [record for record in caplog.records if record.message == "engine hangs"]
    assert vars(hangs)["why"] == "one step takes for ever"


async def test_of_several_children_the_log_says_which_one_it_is_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    probe = Engine(STAYS, [READY])._probe
    supervisor = Supervisor(
        [sys.executable, "-c", STAYS], probe, on_line=print, patience=QUICK, which="engine-1"
    )
    async with supervisor.run():
        await supervisor.settled()
    told = [vars(record) for record in caplog.records if record.name.endswith("supervisor")]
    assert {facts["which"] for facts in told} == {"engine-1"}


async def test_a_child_that_ends_is_not_taken_for_hung_while_it_still_tidies_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = "import sys, time; print('no such model', flush=True); time.sleep(0.5); sys.exit(2)"
    engine = Engine(program, [LOADING, OSError()], replace(QUICK, probe_s=60))
    async with engine.supervisor.run():
        assert await engine.supervisor.refused() == "the engine cannot start: no such model"
    assert "engine hangs" not in caplog.text


async def test_a_child_that_never_answers_is_killed_and_replaced() -> None:
    engine = Engine(STAYS, [TimeoutError()], Patience(loading_probe_s=0, silence_s=0, restart_s=0))
    async with engine.supervisor.run():
        assert "SIGKILL" in (await engine.supervisor.settled()).message


async def test_a_command_that_is_not_there_counts_as_a_failure() -> None:
    supervisor = Supervisor(
        ["/nowhere/limner"], Engine(STAYS, [READY])._probe, on_line=print, patience=QUICK
    )
    async with supervisor.run():
        readiness = await supervisor.settled()
    assert readiness.state == "failed"
    assert "/nowhere/limner" in readiness.message


async def test_a_line_that_is_too_long_is_left_out_and_the_next_is_read() -> None:
    program = (
        "print('x' * 2**19, flush=True); print('up', 7, flush=True); import sys; sys.stdin.read()"
    )
    engine = Engine(program, [READY])
    async with engine.supervisor.run():
        while not (line := await engine.lines.get()).startswith("up"):
            assert len(line) < 2**19


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_child_is_deaf_to_ctrl_c_in_our_terminal() -> None:
    engine = Engine(STAYS, [READY])
    async with engine.supervisor.run():
        assert os.getsid(await engine.pid()) != os.getsid(0)


async def test_a_child_that_refuses_its_settings_is_told_of() -> None:
    engine = Engine("import sys; print('no such flag'); sys.exit(2)", [OSError()])
    async with engine.supervisor.run(), asyncio.timeout(30):
        assert await engine.supervisor.refused() == "the engine cannot start: no such flag"


@pytest.mark.parametrize("then", ["sys.stdin.read(1); child.wait()", "sys.exit(1)"])
async def test_what_a_child_has_started_ends_with_it(then: str) -> None:
    program = (
        "import subprocess, sys; "
        "child = subprocess.Popen(['sleep', '1000'], stdout=subprocess.DEVNULL); "
        f"print('up', child.pid, flush=True); {then}"
    )
    engine = Engine(program, [LOADING])
    async with engine.supervisor.run():
        grandchild = await engine.pid()
    with suppress(psutil.NoSuchProcess):
        psutil.Process(grandchild).wait(30)


async def test_a_child_that_loads_is_asked_to_end_where_that_is_wanted() -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye'))); "
        "print('up 0', flush=True); sys.stdin.read()"
    )
    engine = Engine(program, [LOADING], replace(QUICK, ends_loading_gently=True))
    async with engine.supervisor.run():
        await engine.pid()
    assert engine.lines.get_nowait() == "bye"

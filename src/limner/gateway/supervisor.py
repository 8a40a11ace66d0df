"""Keeps one child process running: starts it, watches it, starts it again.

- The child's readiness is relayed, and is the only thing anyone else needs to know of it.
- A child that ends by itself is started again, ever more slowly. After some failures in a row the
  readiness is `failed`, so that requests no longer wait; attempts go on.
- A child that ends with `SETTINGS_EXIT` would do so again: it is not restarted.
- A child that stops answering, or answers and gets nowhere, is killed and started again.
- What the child has started ends with it: they are one group of processes.
- The child's standard input is a pipe from us, which closes with this process however that ends.
  The child takes that as its own end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from limner.core.readiness import Readiness

SETTINGS_EXIT = 2
"""Exit code of a child whose settings cannot work."""

MAX_LINE_BYTES = 256 * 1024

_REFUSED = "settings"
_LAST_WORDS_S = 1.0

Probe = Callable[[], Awaitable[Readiness]]
"""Asks the child how far it is; raises OSError or TimeoutError when it does not answer, and
`StuckError` when it answers that it gets nowhere."""

logger = logging.getLogger(__name__)


class StuckError(Exception):
    """What the child works on will not end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """All times in seconds.

    loading_probe_s, probe_s: between two questions to a child that loads, or is ready.
    silence_s: for the first answer. misses: questions without an answer, in a row after that, until
    a child counts as hung; never in less time than that many probe_s. restart_s: before the first
    restart; doubled up to max_restart_s. attempts: starts in a row without readiness until the
    child counts as failed. stop_s: for a child to end when asked. ends_loading_gently: asks a child
    that still loads as well, for one that has processes of its own to end.
    """

    loading_probe_s: float = 0.25
    probe_s: float = 5.0
    misses: int = 4
    silence_s: float = 300.0
    restart_s: float = 0.5
    max_restart_s: float = 30.0
    attempts: int = 3
    stop_s: float = 10.0
    ends_loading_gently: bool = False


class Supervisor:
    """One child process; `run` is the `async with` during which it is kept running.

    hangs: how often a child was killed because it did not answer or got nowhere.
    """

    def __init__(
        self,
        command: Sequence[str],
        probe: Probe,
        *,
        on_line: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        name: str = "engine",
        which: str = "",
    ) -> None:
        """on_line: gets each line that the child writes, as a rule its log.

        name: of the child, for messages and logs. which: of several by that name, for logs.
        """
        self.hangs = 0
        self._name = name
        self._which = {"which": which} if which else {}
        self._command = command
        self._probe = probe
        self._on_line = on_line
        self._environ = environ
        self._patience = patience or Patience()
        self._readiness = Readiness("loading", f"the {name} starts", 0.0)
        self._changed = asyncio.Event()
        self._last_line = ""
        self._process: asyncio.subprocess.Process | None = None
        self._was_ready = False
        self._was_refused = asyncio.Event()

    @property
    def readiness(self) -> Readiness:
        return self._readiness

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Keep a child running while the body runs; in the end ask it to stop, then make it."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def settled(self) -> Readiness:
        """Wait until the engine is no longer loading; returns `ready` or `failed`."""
        while self._readiness.state == "loading":
            await self._changed.wait()
        return self._readiness

    async def down(self) -> None:
        """Wait until it is known that the child does not answer: it has ended, or hangs."""
        while self._readiness.state == "ready":
            await self._changed.wait()

    async def refused(self) -> str:
        """Wait until the child has refused its settings, which it would do again; why."""
        await self._was_refused.wait()
        return self._readiness.message

    async def _keep(self) -> None:
        failures = 0
        while True:
            self._was_ready = False
            how = await self._live()
            if how == _REFUSED:
                words = self._last_line.removeprefix("limner: ") or "its settings cannot work"
                self._tell(Readiness("failed", f"the {self._name} cannot start: {words}"))
                logger.error("%s cannot start", self._name, extra=self._facts("refused"))
                self._was_refused.set()
                return
            failures = 0 if self._was_ready else failures + 1
            wait_s = min(self._patience.restart_s * 2**failures, self._patience.max_restart_s)
            gave_up = failures >= self._patience.attempts
            words = f"the {self._name} ended ({how}) and is started again"
            self._tell(Readiness("failed", words) if gave_up else Readiness("loading", words, 0.0))
            facts = self._facts("ended", how=how, restart_s=wait_s)
            logger.error("%s ended", self._name, extra=facts)
            await asyncio.sleep(wait_s)

    async def _live(self) -> str:
        """One child from its start to its end; returns how it ended, in words."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=MAX_LINE_BYTES,
                env=self._environ,
                # A Ctrl-C in the terminal is for us; the child ends when we say so.
                start_new_session=True,
            )
        except OSError as error:
            return str(error)
        self._process = process
        facts = self._facts("started", child_pid=process.pid)
        logger.info("%s started", self._name, extra=facts)
        reading = asyncio.create_task(self._read(process))
        watching = asyncio.create_task(self._watch(process))
        try:
            code = await process.wait()
            watching.cancel()
            self._tell(Readiness("loading", f"the {self._name} ended ({_how(code)})", 0.0))
            await asyncio.wait([reading], timeout=_LAST_WORDS_S)
            return _how(code)
        finally:
            watching.cancel()
            await self._stop(process)
            _kill(process)  # what it may have left behind
            reading.cancel()
            await asyncio.wait([reading, watching])

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                continue  # longer than the limit, and forgotten by the reader
            if not line:
                return
            self._last_line = line.decode(errors="replace").rstrip()
            self._on_line(self._last_line)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Relay what the child says of itself; kill it when it stops saying anything."""
        patience, now = self._patience, asyncio.get_running_loop().time
        answer_by = now() + patience.silence_s
        misses, why = 0, "it does not answer"
        while misses < patience.misses or now() < answer_by:
            is_ready = self._readiness.state == "ready"
            await asyncio.sleep(patience.probe_s if is_ready else patience.loading_probe_s)
            try:
                self._tell(await self._probe())
            except (OSError, TimeoutError):
                misses += 1
            except StuckError as error:
                why = str(error)
                break
            except Exception:  # whatever it says in words that nobody here knows is no answer
                logger.exception(
                    "%s cannot be understood", self._name, extra=self._facts("misread")
                )
                misses += 1
            else:
                # A child that loads is asked often; one that ends needs a moment without answers.
                misses, answer_by = 0, now() + patience.misses * patience.probe_s
        facts = self._facts("hangs", child_pid=process.pid, why=why)
        logger.error("%s hangs", self._name, extra=facts)
        self.hangs += 1
        _kill(process)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """Ask it to end what it has begun; what still loads has begun nothing."""
        if process.returncode is not None:
            return
        if self._was_ready or self._patience.ends_loading_gently:
            with suppress(ProcessLookupError):
                process.terminate()
        else:
            _kill(process)
        try:
            async with asyncio.timeout(self._patience.stop_s):
                await process.wait()
        except TimeoutError:
            _kill(process)
            await process.wait()

    def _tell(self, readiness: Readiness) -> None:
        if readiness.message != self._readiness.message:
            facts = self._facts(readiness.state, what=readiness.message)
            logger.info("%s %s", self._name, readiness.state, extra=facts)
        self._was_ready = self._was_ready or readiness.state == "ready"
        self._readiness = readiness
        self._changed.set()
        self._changed = asyncio.Event()

    def _facts(self, event: str, /, **more: object) -> dict[str, object]:
        """For a line of the log."""
        return {"action": f"{self._name}_{event}", **self._which, **more}


def _kill(process: asyncio.subprocess.Process) -> None:
    """With all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _how(code: int) -> str:
    if code == SETTINGS_EXIT:
        return _REFUSED
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"

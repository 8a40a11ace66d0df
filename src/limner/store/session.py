"""A database with one writer, whose waiting works share a commit, and with readers beside it.

Rules kept here and nowhere else:
- works that wait while a commit is under way go into the next one together, each in a savepoint of
  its own; every caller is answered after that commit, which is what makes a promise durable;
- while the disk is full, works go on that free some of it;
- what a work raises undoes that work alone; what the database itself refuses undoes all of them;
- a database that could not bring its bytes to the disk is not written to again: what it holds is
  unknown, and only a new start reads it from the disk (Rebello et al., "Can Applications Recover
  from fsync Failures?", USENIX ATC 2020).
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from limner.core.errors import InvalidRequest, StoreError
from limner.store.database import Row, Transaction, Value
from limner.store.reserve import Reserve

T = TypeVar("T")
Dialect = Literal["sqlite", "postgres"]

MAX_WORKS = 128
"""Works of one commit: the first of them waits for the last."""

MAX_WAITING = 4096
READERS = 2
ATTEMPTS = 3
RETRY_AFTER_S = 2.0


class SessionError(StoreError):
    """The database refused; nothing of the transaction stands.

    is_conflict: another server's transaction was in the way; the same works may be run again.
    is_fatal: no promise of this database can be trusted any more.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "store_unavailable",
        is_conflict: bool = False,
        is_fatal: bool = False,
    ) -> None:
        super().__init__(message, code=code, retry_after_s=RETRY_AFTER_S)
        self.is_conflict = is_conflict
        self.is_fatal = is_fatal


class Session(Protocol):
    """One connection, which one thread uses. begin: the statement that opens a transaction."""

    begin: str

    @property
    def is_lost(self) -> bool:
        """Whether only a new connection can go on."""
        ...

    def run(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Raises SessionError where the database is to blame, its driver's errors elsewhere."""
        ...

    def close(self) -> None: ...


Connect = Callable[[], Session]
"""Opens a session; raises StoreError when that is not possible."""


@dataclass(frozen=True, slots=True)
class _Work:
    run: Callable[[Transaction], Any]
    answer: Future[Any]
    frees: bool = False


class SessionDatabase:
    """The port `Database` over the sessions of one database."""

    def __init__(
        self,
        connect: Connect,
        dialect: Dialect,
        *,
        readers: int = READERS,
        reserve: Reserve | None = None,
    ) -> None:
        """readers: 0 where only one connection sees the database, so that the writer reads too.

        reserve: on the database's disk.
        """
        self.dialect: Dialect = dialect
        self._connect = connect
        self._reserve = reserve
        self._works: queue.Queue[_Work | None] = queue.Queue(MAX_WAITING)
        self._writer = threading.Thread(target=self._serve, name="store-writer", daemon=True)
        self._readers = ThreadPoolExecutor(readers, "store-reader") if readers else None
        self._local = threading.local()
        self._opened: list[Session] = []
        self._is_closed = False
        self._writer.start()

    async def read(self, sql: str, *values: Value) -> list[Row]:
        """See `Database.read`."""
        _check_texts(values)
        if self._readers is None:
            return await self.write(lambda transaction: transaction.run(sql, *values))
        if self._is_closed:
            raise _closed()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, sql, values)

    async def write(self, work: Callable[[Transaction], T], *, frees: bool = False) -> T:
        """See `Database.write`. A caller that is cancelled may find its work done all the same."""
        if self._is_closed:
            raise _closed()
        answer: Future[T] = Future()
        try:
            self._works.put_nowait(_Work(work, answer, frees))
        except queue.Full:
            raise StoreError(
                f"{MAX_WAITING} writes wait for the database already.", retry_after_s=RETRY_AFTER_S
            ) from None
        return await asyncio.wrap_future(answer)

    async def close(self) -> None:
        """Run what waits, then close the connections."""
        if not self._is_closed:
            self._is_closed = True
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._works.put(None)
        self._writer.join()
        if self._readers:
            self._readers.shutdown()
        for session in self._opened:
            session.close()

    def _read(self, sql: str, values: Sequence[Value]) -> list[Row]:
        session: Session | None = getattr(self._local, "session", None)
        for last in (False, True):
            try:
                if session is None or session.is_lost:
                    session = self._local.session = self._open()
                return session.run(sql, values)
            except SessionError:
                if last or session is None or not session.is_lost:
                    raise
        raise AssertionError("the second try returns or raises")

    def _open(self) -> Session:
        session = self._connect()
        self._opened.append(session)
        return session

    def _serve(self) -> None:
        """The writer's thread."""
        writer = _Writer(self._connect, self._reserve)
        while batch := self._next_batch():
            works = [work for work in batch if work.answer.set_running_or_notify_cancel()]
            for work, answer in zip(works, writer.commit(works), strict=True):
                if isinstance(answer, _Raised):
                    work.answer.set_exception(answer.error)
                else:
                    work.answer.set_result(answer)
        writer.close()

    def _next_batch(self) -> list[_Work]:
        """The works that wait, at least one; none when the database closes."""
        batch: list[_Work] = []
        work = self._works.get()
        while work is not None:
            batch.append(work)
            if len(batch) == MAX_WORKS or self._works.empty():
                return batch
            work = self._works.get()
        if batch:
            self._works.put(None)
        return batch


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _Writer:
    """Commits batches of works over a connection that it opens again when it is lost."""

    def __init__(self, connect: Connect, reserve: Reserve | None = None) -> None:
        self._connect = connect
        self._reserve = reserve
        self._session: Session | None = None
        self._fatal: SessionError | None = None

    def commit(self, works: Sequence[_Work]) -> list[Any]:
        """What each work returned or `_Raised`."""
        if self._reserve is None:
            return self._commit(works)
        try:
            self._reserve.check()
            answers = self._commit(works)
            if not any(map(_is_full, answers)):
                return answers
            self._reserve.release()
            self._reserve.check()
        except StoreError as error:
            answers = [_Raised(error)] * len(works)
        freeing = iter(self._commit([work for work in works if work.frees]))
        return [
            next(freeing) if work.frees else answer
            for work, answer in zip(works, answers, strict=True)
        ]

    def _commit(self, works: Sequence[_Work]) -> list[Any]:
        if not works:
            return []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._attempt(works)
            except SessionError as error:
                if not error.is_conflict or attempt == ATTEMPTS:
                    return [_Raised(error)] * len(works)
                time.sleep(random.uniform(0.01, 0.05) * attempt)  # or they meet again
            except BaseException as error:
                return [_Raised(error)] * len(works)
        raise AssertionError("the last attempt returns")

    def close(self) -> None:
        if self._session:
            self._session.close()

    def _attempt(self, works: Sequence[_Work]) -> list[Any]:
        session = self._begun()
        try:
            answers = [_run(session, work.run) for work in works]
            session.run("COMMIT")
        except BaseException as error:
            if isinstance(error, SessionError) and error.is_fatal:
                self._fatal = error
            _undo(session)
            raise
        return answers

    def _begun(self) -> Session:
        """A session within a transaction; a connection lost since the last one costs nothing."""
        if self._fatal:
            raise self._fatal
        if self._session is not None and not self._session.is_lost:
            try:
                self._session.run(self._session.begin)
                return self._session
            except SessionError:
                if not self._session.is_lost:
                    raise
        self.close()
        self._session = None
        self._session = self._connect()
        self._session.run(self._session.begin)
        return self._session


def _is_full(answer: Any) -> bool:
    """Whether a work failed because its disk has no room."""
    return (
        isinstance(answer, _Raised)
        and isinstance(answer.error, SessionError)
        and answer.error.code == "insufficient_storage"
    )


class _Transaction:
    """The port `Transaction` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def run(self, sql: str, *values: Value) -> list[Row]:
        _check_texts(values)
        return self._session.run(sql, values)


def _run(session: Session, work: Callable[[Transaction], Any]) -> Any:
    session.run("SAVEPOINT work")
    try:
        answer = work(_Transaction(session))
    except SessionError:
        raise
    except BaseException as error:
        session.run("ROLLBACK TO work")
        answer = _Raised(error)
    session.run("RELEASE work")
    return answer


def _check_texts(values: Sequence[Value]) -> None:
    """PostgreSQL cannot hold a NUL in a text; so that both are one, neither is asked to."""
    if any(isinstance(value, str) and "\x00" in value for value in values):
        raise InvalidRequest(
            "Ids and names must not hold NUL characters, got one that does.", code="invalid_value"
        )


def _undo(session: Session) -> None:
    """End a transaction that failed; the database may have ended it already."""
    if not session.is_lost:
        with suppress(Exception):
            session.run("ROLLBACK")


def _closed() -> StoreError:
    return StoreError("The store is closed: the server is stopping.")

"""Who is next where several clients want one thing, and how long that takes.

Round robin: each client has a line of its own, and the lines take turns. However many a client has
waiting, every other client's first is served within one round; so nobody starves.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

NEWEST_SHARE = 0.3
"""How much the last picture counts in how long one usually takes."""


class FairQueue(Generic[T]):
    """Tickets that wait, in the order of being served. A ticket is in it once at most."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[T, None]] = {}
        self._clients: dict[T, str] = {}

    def __len__(self) -> int:
        return len(self._clients)

    def __contains__(self, ticket: T) -> bool:
        return ticket in self._clients

    def waiting_of(self, client: str) -> int:
        return len(self._lines.get(client, ()))

    def position_of(self, client: str) -> int:
        """The place of the client's first ticket, 1 is next; raises ValueError without one."""
        return list(self._lines).index(client) + 1

    def join(self, client: str, ticket: T) -> None:
        """Stand at the end of the client's line; a client without one comes last in the round."""
        self._lines.setdefault(client, {})[ticket] = None
        self._clients[ticket] = client

    def leave(self, ticket: T) -> None:
        """Nothing happens to a ticket that does not wait."""
        client = self._clients.pop(ticket, None)
        if client is not None:
            del self._lines[client][ticket]
            if not self._lines[client]:
                del self._lines[client]

    def take(self) -> T | None:
        """The next ticket, which leaves; its client comes last in the round now."""
        ticket = next(iter(self), None)
        if ticket is not None:
            client = self._clients[ticket]
            self.leave(ticket)
            if client in self._lines:
                self._lines[client] = self._lines.pop(client)
        return ticket

    def __iter__(self) -> Iterator[T]:
        """All tickets in the order in which they would be taken if nobody came or went."""
        lines = [iter(line) for line in self._lines.values()]
        while lines:
            going = []
            for line in lines:
                for ticket in line:
                    yield ticket
                    going.append(line)
                    break
            lines = going


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one request stands. position: 1 is next; None for one that is being painted.

    response_id, job_id: what wants the picture; neither where a client waits for the picture alone.
    age_s: since it came. step of steps: how far the picture is; both 0 before the first. eta_s:
    seconds to the end, as far as measured times tell.
    """

    id: str
    prompt: str
    position: int | None
    age_s: float = field(compare=False)
    response_id: str = ""
    job_id: str = ""
    step: int = 0
    steps: int = 0
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class QueueState:
    """The queue as one client may see it: its own requests, and how many there are in all.

    mine: those in work first, then in the order of their turns.
    """

    mine: tuple[Standing, ...]
    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a picture takes, as measured: usual_s in seconds, None before the first."""

    usual_s: float | None = None

    def after(self, seconds: float) -> Pace:
        """The pace when one more picture took so long."""
        if self.usual_s is None:
            return Pace(seconds)
        return Pace(self.usual_s + NEWEST_SHARE * (seconds - self.usual_s))

    def until_turn_s(self, position: int, elapsed_s: float, at_a_time: int) -> float | None:
        """Seconds until the ticket at this position, counted from 1, leaves the queue.

        elapsed_s: how long the oldest picture in work has taken. at_a_time: how many are in work.
        """
        if self.usual_s is None:
            return None
        first = max(0.0, self.usual_s - elapsed_s)
        return first + (position - 1) * self.usual_s / at_a_time

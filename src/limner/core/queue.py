"""Who is next where several clients want one thing, and how long that takes.

Round robin: each client has a line of its own, and the lines take turns. However many a client has
waiting, every other client's first is served within one round; so nobody starves. What nobody waits
for goes behind, but not for ever.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from limner.core.image import Priority

T = TypeVar("T", bound=Hashable)

PASSES = 4
"""Interactive tickets that may pass a background one before it has its turn."""
NEWEST_SHARE = 0.3
"""How much the last picture counts in how long one usually takes."""
REMEMBERED = 8
"""Pictures whose ends are remembered."""


def background_places(places: int) -> int:
    """How many of those served at a time may be background: who comes to wait finds a place free,
    instead of the end of a long piece of work."""
    return max(1, places - max(1, places // 4))


class FairQueue(Generic[T]):
    """Tickets that wait, in the order of being served. A ticket is in it once at most.

    Background tickets are served when no interactive one waits; and after `PASSES` of these in a
    row that passed them, all the same.
    """

    def __init__(self) -> None:
        self._rounds: dict[Priority, _Round[T]] = {"interactive": _Round(), "background": _Round()}
        self._tickets: dict[T, tuple[str, Priority]] = {}
        self._passed = 0

    def __len__(self) -> int:
        return len(self._tickets)

    def __contains__(self, ticket: T) -> bool:
        return ticket in self._tickets

    def waiting_of(self, client: str) -> int:
        return sum(each.waiting_of(client) for each in self._rounds.values())

    def position_of(self, client: str) -> int:
        """The place of the client's first ticket, 1 is next; raises ValueError without one."""
        return [self._tickets[ticket][0] for ticket in self].index(client) + 1

    def join(self, client: str, ticket: T, priority: Priority = "interactive") -> None:
        """Stand at the end of the client's line; a client without one comes last in the round."""
        self._rounds[priority].join(client, ticket)
        self._tickets[ticket] = client, priority

    def leave(self, ticket: T) -> None:
        """Nothing happens to a ticket that does not wait."""
        if ticket in self._tickets:
            client, priority = self._tickets.pop(ticket)
            self._rounds[priority].leave(client, ticket)

    def take(self, *, background: bool = True) -> T | None:
        """The next ticket, which leaves; its client comes last in the round now.

        background: whether one of these may be taken.
        """
        ticket = next(iter(self if background else self._rounds["interactive"]), None)
        if ticket is None:
            return None
        client, priority = self._tickets[ticket]
        is_passed = priority == "interactive" and self._rounds["background"].lines
        self._passed = self._passed + 1 if is_passed else 0
        self.leave(ticket)
        self._rounds[priority].end_turn(client)
        return ticket

    def __iter__(self) -> Iterator[T]:
        """All tickets in the order in which they would be taken if nobody came or went."""
        first, behind = (list(each) for each in self._rounds.values())
        passes = max(0, PASSES - self._passed)
        while behind and len(first) > passes:
            yield from first[:passes]
            yield behind.pop(0)
            first, passes = first[passes:], PASSES
        yield from first
        yield from behind


class _Round(Generic[T]):
    """The lines of the clients, in the order of their turns."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[T, None]] = {}

    def waiting_of(self, client: str) -> int:
        return len(self.lines.get(client, ()))

    def join(self, client: str, ticket: T) -> None:
        self.lines.setdefault(client, {})[ticket] = None

    def leave(self, client: str, ticket: T) -> None:
        del self.lines[client][ticket]
        if not self.lines[client]:
            del self.lines[client]

    def end_turn(self, client: str) -> None:
        if client in self.lines:
            self.lines[client] = self.lines.pop(client)

    def __iter__(self) -> Iterator[T]:
        lines = [iter(line) for line in self.lines.values()]
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
    """How long a picture takes, as measured: usual_s in seconds, None before the first.

    gaps_s: from one end to the next as long as there was work, of the last `REMEMBERED` pictures;
    shorter than the pictures themselves where several are painted at a time.
    """

    usual_s: float | None = None
    gaps_s: tuple[float, ...] = ()

    def after(self, seconds: float, gap_s: float) -> Pace:
        """The pace when one more picture took so long and ended so long after the last."""
        usual = seconds if self.usual_s is None else self.usual_s
        gaps = (*self.gaps_s, gap_s)[-REMEMBERED:]
        return Pace(usual + NEWEST_SHARE * (seconds - usual), gaps)

    def until_turn_s(self, position: int, since_last_s: float) -> float | None:
        """Seconds until the ticket at this position, counted from 1, leaves the queue.

        since_last_s: how long ago a picture ended, or how long there has been work.
        """
        if not self.gaps_s:
            return None
        gap = sum(self.gaps_s) / len(self.gaps_s)
        return max(0.0, gap - since_last_s) + (position - 1) * gap

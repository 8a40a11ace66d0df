"""The scheduler under recorded mixes of orders, in a clock that only counts.

What a pass takes is a line over its tokens, as measured on GPUs: a part that every pass has, and
one for each token. So figures are of the order of work and of nothing else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from limner.core.image import Priority
from limner.engine.group import Group
from limner.engine.scheduler import Asker, Scheduler

PASS_S, TOKEN_S = 0.012, 1.7e-5
"""82 ms for a pass over one picture of 1024 px, 30 ms over one of 512 px, 84 ms over four."""
BUDGET = 4608
CONCURRENT = 16
STEPS = 8


@dataclass(frozen=True, slots=True)
class Order:
    """One request. at_s: when it comes. edge: of its square pictures, in px."""

    at_s: float
    edge: int
    client: str = ""
    priority: Priority = "interactive"
    pictures: int = 1
    steps: int = STEPS

    @property
    def group(self) -> Group:
        return Group(self.edge, self.edge, 32, guided=False)

    @property
    def alone_s(self) -> float:
        """What it takes on an idle engine, its own rows batched."""
        rows = self.group.rows(BUDGET)
        full, rest = divmod(self.pictures, rows)
        parts = [rows] * full + [rest] * (rest > 0)
        return self.steps * sum(pass_s(self.group, part) for part in parts)


Mix = Sequence[Order]
Policy = Callable[[Mix], list[float]]


def pass_s(group: Group, rows: int) -> float:
    return PASS_S + TOKEN_S * group.tokens * rows


def first_come_first_served(mix: Mix) -> list[float]:
    """When each order ends where one is painted after the other."""
    now, ends = 0.0, []
    for order in mix:
        now = max(now, order.at_s) + order.alone_s
        ends.append(now)
    return ends


def scheduled(mix: Mix, *, at_a_time: int = CONCURRENT, budget: int = BUDGET) -> list[float]:
    """When each order ends under the engine's own scheduler."""
    scheduler = Scheduler[int](queue_limit=len(mix), max_concurrent=at_a_time, token_budget=budget)
    now, arrived, ends = 0.0, 0, dict[int, float]()
    while len(ends) < len(mix):
        if not (scheduler.admitted or scheduler.waiting):
            now = max(now, mix[arrived].at_s)
        while arrived < len(mix) and mix[arrived].at_s <= now:
            order = mix[arrived]
            scheduler.submit(arrived, Asker(order.client, order.priority))
            arrived += 1
        for job in scheduler.admit():
            order = mix[job]
            scheduler.join(job, order.group, pictures=order.pictures, steps=order.steps)
        tick = scheduler.next_tick()
        now += pass_s(mix[tick[0].job].group, len(tick))
        left = dict.fromkeys(row.job for row in scheduler.advance(tick))
        ends |= {job: now for job in left if job not in scheduler}
    return [ends[job] for job in range(len(mix))]


def latencies(mix: Mix, ends: Sequence[float]) -> list[float]:
    return [end - order.at_s for order, end in zip(mix, ends, strict=True)]


def _poisson(
    seed: int, share: float, orders: int, sizes: Sequence[tuple[int, int]], clients: int
) -> list[Order]:
    """Orders at random times that would keep an engine busy for `share` of its time, one by one."""
    dice = random.Random(seed)
    asked = [dice.choice(sizes) for _ in range(orders)]
    names = [f"client {dice.randrange(clients)}" for _ in range(orders)]
    drafts = [
        Order(0, edge, name, pictures=count)
        for (edge, count), name in zip(asked, names, strict=True)
    ]
    rate = share / (sum(draft.alone_s for draft in drafts) / orders)
    now, mix = 0.0, []
    for draft in drafts:
        now += dice.expovariate(rate)
        mix.append(Order(now, draft.edge, draft.client, pictures=draft.pictures))
    return mix


USUAL = ((512, 1),) * 6 + ((1024, 1),) * 3 + ((256, 4),)


def _small_among_large() -> Mix:
    large = [Order(0.7 * k, 1024, "painter") for k in range(40)]
    small = [Order(0.3 + 1.1 * k, 512, f"client {k % 5}") for k in range(25)]
    return sorted(large + small, key=lambda order: order.at_s)


def _one_heavy_client() -> Mix:
    heavy = [Order(0.0, 1024, "heavy") for _ in range(20)]
    light = [Order(0.5 + 1.2 * k, 1024, f"light {k}") for k in range(8)]
    return sorted(heavy + light, key=lambda order: order.at_s)


def _batch_behind_people() -> Mix:
    batch = [Order(0.0, 1024, "batch", "background") for _ in range(40)]
    people = _poisson(3, 0.3, 60, ((512, 1), (1024, 1)), 6)
    return sorted(batch + people, key=lambda order: order.at_s)


MIXES: dict[str, Mix] = {
    "512 px among 1024 px": _small_among_large(),
    "one client with 20, eight with one": _one_heavy_client(),
    "60 % busy, usual sizes": _poisson(1, 0.6, 300, USUAL, 8),
    "90 % busy, usual sizes": _poisson(2, 0.9, 300, USUAL, 8),
    "40 in the background, people before": _batch_behind_people(),
}

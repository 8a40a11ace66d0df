"""A few pictures, drawn the same every time, that have every colour, edge and slope somewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

SEED = 20


def drawings(count: int, edge: int) -> Any:
    """RGB in -1 to 1: float32, (count, 3, edge, edge)."""
    random = np.random.default_rng(SEED)
    return np.stack([_drawing(random, edge) for _ in range(count)])


def _drawing(random: Any, edge: int) -> Any:
    """A slope of two colours, shapes on it, and waves through all of it."""
    down, right = np.mgrid[:edge, :edge].astype(np.float32) / edge
    angle = random.uniform(0, 2 * np.pi)
    way = np.clip(0.5 + (down - 0.5) * np.sin(angle) + (right - 0.5) * np.cos(angle), 0, 1)
    first, last = random.uniform(-1, 1, (2, 3, 1, 1))
    picture = first + (last - first) * way
    for _ in range(12):
        top, left = random.uniform(-0.1, 1, 2)
        height, width = random.uniform(0.05, 0.6, 2)
        y, x = (down - top) / height, (right - left) / width
        is_round = random.random() < 0.5
        inside = (2 * y - 1) ** 2 + (2 * x - 1) ** 2 < 1 if is_round else _unit(y) & _unit(x)
        picture = np.where(inside, random.uniform(-1, 1, (3, 1, 1)), picture)
    waves = np.sin(random.uniform(5, 80) * down + random.uniform(5, 80) * right)
    mixed = picture + random.uniform(0, 0.3) * waves * random.uniform(-1, 1, (3, 1, 1))
    return np.clip(mixed, -1, 1).astype(np.float32)


def _unit(values: Any) -> Any:
    return (values > 0) & (values < 1)

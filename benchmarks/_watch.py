"""Seconds inside some methods of a process under measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Clock = Callable[[], float]


def clock_of(device: Any) -> Clock:
    """Seconds that ratios are made of: on a CPU those of the processor, which other programs do not
    lengthen; of all threads."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def settle(device: Any) -> None:
    """Wait until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Watch:
    """seconds: inside the methods so far; set it to 0 to begin anew."""

    def __init__(self, device: Any) -> None:
        self.seconds = 0.0
        self._device, self._now = device, clock_of(device)

    def timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            settle(self._device)
            began = self._now()
            answer = method(*args, **kwargs)
            settle(self._device)
            self.seconds += self._now() - began
            return answer

        return call


@contextmanager
def watching(device: Any, *methods: tuple[Any, str]) -> Iterator[Watch]:
    """methods: objects with the names of their methods, none of which calls another of them."""
    watch = Watch(device)
    for owner, name in methods:
        setattr(owner, name, watch.timed(getattr(owner, name)))
    try:
        yield watch
    finally:
        for owner, name in methods:
            delattr(owner, name)  # the class has the method still

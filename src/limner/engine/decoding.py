"""The second stage: what steps have foreseen becomes pixels while further steps are taken.

Rules kept here and nowhere else:
- one picture is decoded at a time: a batch would multiply the largest need of memory for nothing;
- finished pictures go first and are never dropped; when `MAX_WAITING` of them wait, steps wait too;
- of each picture one preview waits at most: what is newer takes its place before it is decoded;
- on a CPU, where steps are slow, they wait for a preview instead of dropping it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from limner.engine.device import physical_cores
from limner.engine.job import Job
from limner.engine.picture_model import PictureModel
from limner.engine.worker import Worker

MAX_WAITING = 4
"""Finished pictures that wait, each the size of its latents or pixels."""


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Picture number `picture` of a job, as the model foresaw it."""

    job: Job
    picture: int
    foreseen: Any
    finished: bool


@dataclass(slots=True)
class DecodeQueue:
    """What waits to be decoded. drops_previews: whether newer ones may take their places."""

    drops_previews: bool = True
    _finished: dict[tuple[Job, int], Undecoded] = field(default_factory=dict)
    _previews: dict[tuple[Job, int], Undecoded] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._finished) + len(self._previews)

    @property
    def is_full(self) -> bool:
        """Whether no further step should be taken before something is decoded."""
        waits_for_preview = bool(self._previews) and not self.drops_previews
        return len(self._finished) >= MAX_WAITING or waits_for_preview

    def put(self, item: Undecoded) -> None:
        key = item.job, item.picture
        if item.finished:
            self._previews.pop(key, None)
            self._finished[key] = item
        else:
            self._previews[key] = item

    def take(self) -> Undecoded | None:
        """What is decoded next, which leaves."""
        for line in (self._finished, self._previews):
            if line:
                return line.pop(next(iter(line)))
        return None

    def forget(self, job: Job) -> None:
        for line in (self._finished, self._previews):
            for key in [key for key in line if key[0] is job]:
                del line[key]


def decoder_beside(model: PictureModel) -> Worker | None:
    """A thread for decoding; None where it would only take turns with the steps.

    On a GPU it has a stream of its own, so that the device does both at once where it can.
    """
    if not model.decodes_beside:
        return None
    if model.device.startswith("cuda"):
        return Worker("limner-decode", partial(_take_own_stream, model.device))
    if model.device == "cpu" and physical_cores() <= torch.get_num_threads():
        return None
    return Worker("limner-decode")


def _take_own_stream(device: str) -> None:
    """For the thread that calls this. What it decodes was waited for by the step that made it."""
    torch.cuda.set_stream(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]

"""Several single-threaded processes that train one model together, and the clock that they go by.

Two processes with one thread each beat one process with two threads on a busy machine: threads wait
for each other within every operation, processes only once in a step.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn


@dataclass(slots=True)
class Crew:
    """One process's view of its crew.

    budget_s: seconds of training that the stage may take in all, earlier runs included.
    spent_s: seconds of the earlier runs. Progress goes by time, so that a stage ends when it should
    on any machine.
    """

    rank: int
    size: int
    device: torch.device
    budget_s: float
    spent_s: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def elapsed_s(self) -> float:
        return self.spent_s + time.monotonic() - self._started

    def progress(self) -> float:
        """From 0 to 1; the same number in every process."""
        share = torch.tensor([self.elapsed_s / self.budget_s])
        if self.size > 1:
            dist.broadcast(share, 0)
        return min(1.0, float(share))

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Give every process the mean gradient; parameters without one count as zero."""
        if self.size == 1:
            return
        kept = list(parameters)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in kept]
        flat = torch.cat([grad.reshape(-1) for grad in grads])
        dist.all_reduce(flat)
        flat /= self.size
        for parameter, part in zip(kept, flat.split([p.numel() for p in kept]), strict=True):
            parameter.grad = part.view_as(parameter)

    def sum(self, flat: torch.Tensor) -> None:
        """Add up a tensor over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(flat)


def choose_device(name: str | None) -> torch.device:
    """The device asked for, or a GPU where there is one."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def launch(
    stage: Callable[[Crew, Path], None],
    folder: Path,
    *,
    processes: int,
    minutes: float,
    device: torch.device,
) -> None:
    """Run a stage in as many processes as wanted and wait; a failure in one is raised here."""
    folder.mkdir(parents=True, exist_ok=True)
    if processes == 1:
        stage(Crew(0, 1, device, minutes * 60), folder)
        return
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
    with tempfile.TemporaryDirectory() as meeting:
        arguments = (stage, folder, processes, minutes, str(device), f"file://{meeting}/meet")
        spawn(_member, arguments, nprocs=processes)


def _member(
    rank: int,
    stage: Callable[[Crew, Path], None],
    folder: Path,
    size: int,
    minutes: float,
    device: str,
    meeting: str,
) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
    try:
        stage(Crew(rank, size, torch.device(device), minutes * 60), folder)
        dist.barrier()
    finally:
        dist.destroy_process_group()

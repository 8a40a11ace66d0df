"""A crew: several processes that learn as one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.crew import Crew, launch

pytestmark = pytest.mark.engine


def _share_rank(crew: Crew, folder: Path) -> None:
    parameter = torch.nn.Parameter(torch.zeros(3))
    parameter.grad = torch.full((3,), float(crew.rank))
    crew.average_gradients([parameter])
    (folder / f"{crew.rank}.txt").write_text(f"{crew.size} {float(parameter.grad[0])}")


def test_a_crew_of_two_averages_its_gradients(tmp_path: Path) -> None:
    launch(_share_rank, tmp_path, processes=2, minutes=1, device=torch.device("cpu"))
    assert [(tmp_path / f"{rank}.txt").read_text() for rank in (0, 1)] == ["2 0.5", "2 0.5"]


def _fails(crew: Crew, folder: Path) -> None:
    raise ValueError(f"rank {crew.rank} has no pictures")


def test_the_failure_of_a_stage_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rank 0 has no pictures"):
        launch(_fails, tmp_path, processes=1, minutes=1, device=torch.device("cpu"))

"""Muon: momentum whose every matrix is made orthogonal before it is applied.

Keller Jordan and others, 2024. For matrices inside a network a step then moves all directions
alike. The iteration is the quintic Newton-Schulz one with the published coefficients.
"""

from __future__ import annotations

import torch

from training.crew import Crew

_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Nearly the nearest matrix whose singular values are all 1; same shape, bfloat16."""
    x = matrix.bfloat16()
    tall = x.size(0) > x.size(1)
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(_ROUNDS):
        square = x @ x.T
        x = _A * x + (_B * square + _C * square @ square) @ x
    made: torch.Tensor = x.T if tall else x
    return made


class Muon:
    """The optimiser of a crew: each process makes a share of the matrices orthogonal for all."""

    def __init__(
        self, parameters: list[torch.nn.Parameter], crew: Crew, momentum: float = 0.95
    ) -> None:
        self._parameters = parameters
        self._crew = crew
        self._momentum = momentum
        self._velocity = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply the gradients, which are equal in all processes, and forget them."""
        updates = [torch.zeros(p.shape, device=p.device) for p in self._parameters]
        for i, (parameter, velocity) in enumerate(
            zip(self._parameters, self._velocity, strict=True)
        ):
            if parameter.grad is None:
                continue
            velocity.lerp_(parameter.grad, 1 - self._momentum)
            if i % self._crew.size == self._crew.rank:
                ahead = parameter.grad.lerp(velocity, self._momentum)
                scale = max(1.0, parameter.size(0) / parameter.size(1)) ** 0.5
                updates[i] = orthogonal(ahead).float() * scale
            parameter.grad = None
        flat = torch.cat([update.reshape(-1) for update in updates])
        self._crew.sum(flat)
        for parameter, part in zip(
            self._parameters, flat.split([p.numel() for p in self._parameters]), strict=True
        ):
            parameter.add_(part.view_as(parameter), alpha=-rate)

    def state_dict(self) -> dict[str, list[torch.Tensor]]:
        return {"velocity": self._velocity}

    def load_state_dict(self, state: dict[str, list[torch.Tensor]]) -> None:
        self._velocity = state["velocity"]

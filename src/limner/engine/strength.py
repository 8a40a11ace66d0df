"""How far an edit may leave its source, and how many forward passes that takes.

An edit does not begin at noise but somewhere on the way from it: the source is mixed with as much
noise as the strength says, and the rest of the way is gone (SDEdit, arXiv:2108.01073).
"""

from __future__ import annotations

from limner.core.image import ImageRequest
from limner.engine.refusal import refused

OF_FIDELITY = {"low": 0.6, "high": 0.4}
"""Of eight forward passes these go the last five and the last four."""
OF_FIDELITY_IN_MASK = {"low": 1.0, "high": 0.6}
"""Around the mask the picture stays whatever the strength, so that inside it may begin anew."""


def strength_of(request: ImageRequest, said: list[str], *, masked: bool) -> float:
    """The strength of an edit: as asked, or what its `input_fidelity` stands for (low if None).

    Raises ImageError where it is not above 0 and at most 1.
    """
    fidelity = request.input_fidelity
    asked = request.strength
    if asked is None:
        table = OF_FIDELITY_IN_MASK if masked else OF_FIDELITY
        return table[fidelity or "low"]
    if not 0 < asked <= 1:  # false for NaN as well
        raise refused("strength", f"strength must be above 0 and at most 1, got {asked}")
    if fidelity:
        said.append(f"input_fidelity {fidelity!r} changes nothing beside strength {asked}")
    return asked


def forwards(levels: int, strength: float) -> int:
    """Forward passes of an edit whose whole way has `levels`: Diffusers' count, at least one."""
    return max(1, levels - int(max(levels - min(levels * strength, levels), 0)))

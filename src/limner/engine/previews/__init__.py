"""What shows an unfinished picture in the VAE's place, at a small part of its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Previews = Literal["auto", "vae", "taef1", "linear"]


@dataclass(frozen=True, slots=True)
class PreviewChoice:
    """What the operator wants. decoder: folder or Hub name of a tiny autoencoder."""

    previews: Previews = "auto"
    decoder: str | None = None


PREVIEWS_BY_COST = PreviewChoice()

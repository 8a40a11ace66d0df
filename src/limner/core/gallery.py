"""Pictures that stored responses have made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """One picture. id: of its output item. digest: of its bytes. created_at: epoch seconds.

    format: `png`, `jpeg` or `webp`. size: such as `1024x1024`. None where nobody said.
    """

    id: str
    response_id: str
    created_at: float
    digest: str
    format: str
    size: str | None
    prompt: str | None

    @property
    def media_type(self) -> str:
        return f"image/{self.format}"

    @property
    def filename(self) -> str:
        return f"{self.id}.{self.format}"

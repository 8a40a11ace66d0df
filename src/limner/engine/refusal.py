"""How the engine says no to an option: always with its name."""

from __future__ import annotations

from limner.core.errors import ImageError


def refused(
    param: str, message: str, *, code: str = "invalid_value", status: int = 400
) -> ImageError:
    return ImageError(
        message, code=code, type="image_generation_user_error", status=status, param=param
    )

"""Pictures that say in their files how they were made.

What another has said stays: a picture that is marked as made by AI already, by our engine or by
anybody, is not marked again, and one that is signed is not touched at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from limner.core.image import ImageCompleted
from limner.core.picture_facts import PictureFacts
from limner.wire.picture_metadata import is_signed, says_made_by_ai, strip, write
from limner.wire.picture_size import measure


class Marking:
    """The port `Finish` that writes marks. version: ours. clock: epoch seconds.

    tells_all: whether files say how they were made; else they say that a model made them and
    nothing more, whatever who painted them has put in.
    """

    def __init__(
        self, *, version: str, tells_all: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self._version = version
        self._tells_all = tells_all
        self._clock = clock

    async def __call__(self, picture: ImageCompleted, asked: PictureFacts) -> ImageCompleted:
        """The picture, marked."""
        image = picture.image
        if is_signed(image):
            return picture
        if not self._tells_all:
            image = write(strip(image), None)
        elif not says_made_by_ai(image):
            image = write(image, self._facts(picture, asked))
        return replace(picture, image=image)

    def _facts(self, picture: ImageCompleted, asked: PictureFacts) -> PictureFacts:
        used = picture.resolved
        size = measure(picture.image) or used.size
        strength = asked.strength if used.strength is None else used.strength
        return replace(
            asked,
            seed=used.seed,
            size=str(size) if size else None,
            model=used.model or asked.model,
            steps=used.steps,
            guidance=asked.guidance if used.guidance is None else used.guidance,
            strength=strength if asked.action == "edit" else None,
            loras=used.loras or asked.loras,
            version=self._version,
            created_at=int(self._clock()),
        )

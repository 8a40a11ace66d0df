"""Several image back ends as one: a request's model picks among them, and a refusal moves on.

Another is asked only before any money is spent: when the first surely did not take the request on
(`was_taken` is False: it could not be reached, or answered 429 or 503 at once) and nothing of it
has been shown. So it is with what a back end is known not to do, such as edits. Whoever names a
back end gets that one or its failure, never another's picture.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from limner.core.errors import ConfigError, InvalidRequest
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageRequest,
    PartialImage,
)
from limner.core.picture_fitting import fit_image
from limner.core.ports import ImageBackend

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NamedBackend:
    """One of several.

    aliases: further names, each with the model that it stands for there; None for its usual one.
    """

    name: str
    backend: ImageBackend
    aliases: Mapping[str, str | None] = field(default_factory=dict)


class SeveralBackends:
    """The port `ImageBackend` over several, the first of which is the default.

    Where no model is named, or one that none has, the default paints, and the others in their
    order where it surely cannot; the picture then says so. Raises ConfigError for no back ends, and
    for names that two of them have.
    """

    def __init__(self, backends: Sequence[NamedBackend]) -> None:
        if not backends:
            raise ConfigError("There must be at least one image back end to choose from.")
        self._backends = tuple(backends)
        self._named: dict[str, tuple[NamedBackend, str | None]] = {}
        for each in backends:
            for name, model in {each.name: None, **each.aliases}.items():
                if name in self._named:
                    other = self._named[name][0].name
                    raise ConfigError(
                        f"The name {name!r} stands for two image back ends, {other!r} and "
                        f"{each.name!r}; names and aliases must differ."
                    )
                self._named[name] = each, model

    @property
    def capabilities(self) -> ImageCapabilities:
        """Those of the default, and of edits and the like what any can do."""
        named = {name: each.backend.capabilities for name, (each, _) in self._named.items()}
        return replace(
            _together([each.backend.capabilities for each in self._backends]), named=named
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All names that a request's model may have, aliases included."""
        return tuple(self._named)

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the back end that the request names, or the first that can, yields.

        Where none can, the failure is the default's.
        """
        turns, said = self._turns(request)
        refusals: list[ImageFailed] = []
        for each, asked in turns:
            async with aclosing(each.backend.generate(asked)) as events:
                first = await anext(events)
                if isinstance(first, ImageFailed) and _is_unspent(first, is_default=not refusals):
                    logger.warning(
                        "image back end refused", extra={"who": each.name, "code": first.code}
                    )
                    refusals.append(first)
                    said = (*said, _not_taken(each, first.message))
                    continue
                yield _with_said(first, said)
                async for event in events:
                    yield _with_said(event, said)
                return
        yield refusals[0]

    def _turns(
        self, request: ImageRequest
    ) -> tuple[list[tuple[NamedBackend, ImageRequest]], tuple[str, ...]]:
        """Who is asked, in which order, and what for; and who is not asked, and why."""
        if request.model in self._named:
            each, model = self._named[request.model]
            return [(each, replace(request, model=model))], ()
        able, unable = [], []
        for each in self._backends:
            try:
                fit_image(request, each.backend.capabilities)
            except InvalidRequest as error:
                unable.append(_not_taken(each, error.message))
            else:
                able.append(each)
        chosen = able or self._backends
        # A model that only the default may know means nothing to the others.
        asked = [
            (each, request if each is self._backends[0] else replace(request, model=None))
            for each in chosen
        ]
        passed_over = unable if chosen[0] is not self._backends[0] else []
        return asked, tuple(passed_over)


def _together(each: Sequence[ImageCapabilities]) -> ImageCapabilities:
    counts = [can.max_images for can in each if can.edits]
    return replace(
        each[0],
        min_edge_px=_loosest([can.min_edge_px for can in each], min),
        max_edge_px=_loosest([can.max_edge_px for can in each], max),
        max_n=_loosest([can.max_n for can in each], max),
        edits=any(can.edits for can in each),
        edits_by_words=next((can.edits_by_words for can in each if can.edits), False),
        mask=any(can.mask for can in each),
        max_images=_loosest(counts, max),
        input_fidelity=any(can.input_fidelity for can in each),
        strength=any(can.strength for can in each),
        transparent=_any_known([can.transparent for can in each]),
        repeatable=all(can.repeatable for can in each),
        loras=_all_known([can.loras for can in each]),
    )


def _loosest(limits: Sequence[int | None], pick: Callable[[list[int]], int]) -> int | None:
    """The limit that all requests keep to which any can take; None where one has none."""
    known = [limit for limit in limits if limit is not None]
    return pick(known) if known and len(known) == len(limits) else None


def _all_known(names: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Those of all; None where one may have others."""
    known = [some for some in names if some is not None]
    whole = tuple(dict.fromkeys(name for some in known for name in some))
    return whole if len(known) == len(names) else None


def _any_known(answers: Sequence[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _not_taken(each: NamedBackend, why: str) -> str:
    return f"{each.name!r} could not take the picture: {why}"


def _is_unspent(failed: ImageFailed, *, is_default: bool) -> bool:
    """Whether another may be asked: nothing was ordered, and it is not the request's own fault.

    What only a stand-in does not know is no fault of the request's.
    """
    return not failed.was_taken or (failed.code == "not_supported" and not is_default)


def _with_said(event: ImageEvent, said: tuple[str, ...]) -> ImageEvent:
    if not said or not isinstance(event, PartialImage | ImageCompleted):
        return event
    look = replace(event.resolved, adjustments=(*said, *event.resolved.adjustments))
    return replace(event, resolved=look)

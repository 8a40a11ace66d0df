"""What finished pictures say of themselves as they leave: marks, and a signature."""

from __future__ import annotations

import base64

from limner import __version__
from limner.config import Settings
from limner.core.errors import ConfigError, LimnerError
from limner.core.image import ImageCompleted, ImageData
from limner.core.picture_facts import PictureFacts
from limner.core.ports import Finish, ImageBackend
from limner.images.finished import FinishedPictures
from limner.images.marked import Marking
from limner.images.signed import Signing, Signs

INSTALL = "pip install 'limner[c2pa]'"
_PROBE = ImageData(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    ),
    "png",
)
"""Signed at start, so that a certificate that cannot sign is found before the first picture."""


def finish_of(settings: Settings) -> Finish | None:
    """What writes into files as the settings want it, then signs; None where they want nothing.

    Raises ConfigError for a certificate that nothing can be signed with.
    """
    steps: list[Finish] = []
    if settings.picture_metadata != "off":
        steps.append(Marking(version=__version__, tells_all=settings.picture_metadata == "full"))
    if signer := _signer(settings):
        steps.append(Signing(signer))

    async def finish(picture: ImageCompleted, asked: PictureFacts) -> ImageCompleted:
        for step in steps:
            picture = await step(picture, asked)
        return picture

    return finish if steps else None


def finished(backend: ImageBackend, finish: Finish | None) -> ImageBackend:
    """The same, its pictures finished so."""
    return FinishedPictures(backend, finish) if finish else backend


def _signer(settings: Settings) -> Signs | None:
    chain, key = settings.c2pa_certificate, settings.c2pa_key
    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise ConfigError("--c2pa-certificate and --c2pa-key need each other; set both or neither.")
    try:
        texts = chain.read_bytes(), key.read_bytes()
    except OSError as error:
        where = f"{error.filename} cannot be read: {error.strerror}"
        raise ConfigError(f"--c2pa-certificate or --c2pa-key: {where}.") from error
    try:
        from limner.images.c2pa_signer import C2paSigner
    except ImportError as error:
        raise ConfigError(f"C2PA needs packages that are not here: {INSTALL}") from error
    signer = C2paSigner(*texts, version=__version__)
    try:
        signer.sign(_PROBE, is_edit=False)
    except LimnerError as error:
        raise ConfigError(f"--c2pa-certificate {chain} cannot sign: {error.message}") from error
    return signer

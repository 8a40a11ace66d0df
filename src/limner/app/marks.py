"""What finished pictures say of themselves as they leave: marks, and a signature."""

from __future__ import annotations

import base64

from limner import __version__
from limner.config import Settings
from limner.core.errors import ConfigError, LimnerError
from limner.core.image import ImageData
from limner.core.ports import ImageBackend
from limner.images.marked import MarkedPictures
from limner.images.signed import SignedPictures, Signs

INSTALL = "pip install 'limner[c2pa]'"
_PROBE = ImageData(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    ),
    "png",
)
"""Signed at start, so that a certificate that cannot sign is found before the first picture."""


def marked(backend: ImageBackend, settings: Settings) -> ImageBackend:
    """The same, its pictures with what the settings want their files to say, and signed.

    Raises ConfigError for a certificate that nothing can be signed with.
    """
    if settings.picture_metadata != "off":
        tells_all = settings.picture_metadata == "full"
        backend = MarkedPictures(backend, version=__version__, tells_all=tells_all)
    signer = _signer(settings)
    return SignedPictures(backend, signer) if signer else backend


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

"""Pictures signed with a certificate made for the test, and judged by the standard's own reader."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from limner.core.errors import ConfigError, LimnerError
from limner.core.image import (
    FORMATS,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFormat,
    ImageRequest,
    Resolved,
)
from limner.core.picture_facts import PictureFacts
from limner.images.finished import FinishedPictures
from limner.images.signed import Signing
from limner.wire.picture_metadata import is_signed, read, strip, write
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, preview, progress

c2pa = pytest.importorskip("c2pa")

from cryptography import x509  # noqa: E402 - comes with c2pa
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa  # noqa: E402

from limner.images.c2pa_signer import C2paSigner  # noqa: E402

MADE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CHANGED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
KEYS: dict[str, Any] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


def pem(key: Any) -> bytes:
    content: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return content


def certificate(name: str, key: Any, issuer: str, issuer_key: Any, *, is_ca: bool) -> bytes:
    """As C2PA wants them: signers may sign and nothing else, and no one certifies himself."""
    usage = x509.KeyUsage(not is_ca, False, False, False, False, is_ca, is_ca, False, False)
    now = datetime.now(UTC)
    names = [
        x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, each)])
        for each in (name, issuer)
    ]
    signer = issuer_key.public_key()
    made = (
        x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not is_ca:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purpose, critical=False)
    digest = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    content: bytes = made.sign(issuer_key, digest).public_bytes(serialization.Encoding.PEM)
    return content


def identity(kind: str = "P-256") -> tuple[bytes, bytes]:
    """A chain of certificates and the key of the first."""
    own, authority = KEYS[kind](), KEYS["P-256"]()
    leaf = certificate("Limner test", own, "Test CA", authority, is_ca=False)
    root = certificate("Test CA", authority, "Test CA", authority, is_ca=True)
    return leaf + root, pem(own)


def judged(image: ImageData) -> tuple[str, list[str], str]:
    """The reader's verdict, what it has against it, and the source type of the first action."""
    with c2pa.Reader(image.media_type, BytesIO(image.content)) as reader:
        said = json.loads(reader.json())
    manifest = said["manifests"][said["active_manifest"]]
    (actions,) = [one for one in manifest["assertions"] if one["label"] == "c2pa.actions.v2"]
    codes = [problem["code"] for problem in said["validation_status"]]
    return said["validation_state"], codes, actions["data"]["actions"][0]["digitalSourceType"]


UNKNOWN_SIGNER = ["signingCredential.untrusted"]
"""All that is wrong with certificates of a test: nobody has heard of their authority."""


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("format", FORMATS)
def test_signatures_hold_for_every_format_and_key(format: ImageFormat, kind: str) -> None:
    signer = C2paSigner(*identity(kind), version="1.2.3")
    facts = PictureFacts("a fox", seed=7)
    marked = write(picture(64, 64, format=format), facts)
    signed = signer.sign(marked, is_edit=False)
    assert judged(signed) == ("Valid", UNKNOWN_SIGNER, MADE)
    assert is_signed(signed)
    assert read(signed) == facts
    assert strip(signed).content == strip(marked).content
    assert len(signed.content) - len(marked.content) < 8192
    assert judged(signer.sign(marked, is_edit=True))[2] == CHANGED


def test_a_changed_picture_is_found_out() -> None:
    signed = C2paSigner(*identity(), version="1").sign(picture(64, 64), is_edit=False)
    forged = replace(signed, content=signed.content.replace(b"IDAT", b"IDAU"))
    state, codes, _ = judged(forged)
    assert (state, "assertion.dataHash.mismatch" in codes) == ("Invalid", True)


def test_what_cannot_sign_is_refused_at_start() -> None:
    chain, _ = identity()
    for wrong in (b"", b"no key", chain):
        with pytest.raises(ConfigError, match="--c2pa-key must be a private key"):
            C2paSigner(chain, wrong, version="1")
    with pytest.raises(ConfigError, match="P-256, P-384"):
        C2paSigner(chain, pem(dsa.generate_private_key(2048)), version="1")
    with pytest.raises(ConfigError, match="P-256, P-384"):
        C2paSigner(chain, pem(ec.generate_private_key(ec.SECP256K1())), version="1")


def test_a_picture_that_cannot_be_signed_is_no_bug_of_ours() -> None:
    chain, key = identity()
    signer = C2paSigner(chain, key, version="1")
    with pytest.raises(LimnerError, match="could not be signed"):
        signer.sign(ImageData(b"no picture", "png"), is_edit=False)


class Stamp:
    """Signs as told, without certificates."""

    def __init__(self, says: bytes | LimnerError) -> None:
        self.says = says
        self.edits: list[bool] = []

    def sign(self, image: ImageData, *, is_edit: bool) -> ImageData:
        self.edits.append(is_edit)
        if isinstance(self.says, LimnerError):
            raise self.says
        return replace(image, content=image.content + self.says)


async def painted(stamp: Stamp, *events: ImageEvent, **asked: Any) -> list[ImageEvent]:
    backend = ScriptedImages(*events)
    signed = FinishedPictures(backend, Signing(stamp))
    assert signed.capabilities == backend.capabilities
    return [event async for event in signed.generate(ImageRequest("a fox", **asked))]


async def test_finished_pictures_are_signed_and_nothing_else() -> None:
    stamp = Stamp(b"signed")
    done = ImageCompleted(picture(), Resolved())
    *before, last = await painted(stamp, progress(1), preview(), done, images=(picture(),))
    assert before == [progress(1), preview()]
    assert isinstance(last, ImageCompleted)
    assert last.image.content == picture().content + b"signed"
    assert stamp.edits == [True]


async def test_a_picture_that_another_has_signed_stays_theirs() -> None:
    theirs = C2paSigner(*identity(), version="1").sign(picture(), is_edit=False)
    stamp = Stamp(b"signed")
    done = ImageCompleted(theirs, Resolved())
    assert await painted(stamp, done) == [done]
    assert stamp.edits == []


async def test_no_painted_picture_is_lost_to_its_signature() -> None:
    done = ImageCompleted(picture(), Resolved(adjustments=("rounded",)))
    (event,) = await painted(Stamp(LimnerError("the certificate has expired")), done)
    assert isinstance(event, ImageCompleted)
    assert event.image == picture()
    assert event.resolved.adjustments == ("rounded", "signature: the certificate has expired")

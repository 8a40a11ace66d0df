"""Manifests of C2PA, signed with the operator's certificate. Needs the extra `c2pa`.

Source: C2PA technical specification 2.1, "Standard assertions: actions", "X.509 certificates".
"""

from __future__ import annotations

from io import BytesIO

import c2pa
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from limner.core.errors import ConfigError, LimnerError
from limner.core.image import ImageData

_NEW = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
# Smaller copies in the manifest would make files many times as large.
_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}


class C2paSigner:
    """Signs one picture at a time, in whatever thread; some 10 ms each."""

    def __init__(self, chain: bytes, key: bytes, *, version: str) -> None:
        """chain: certificates in PEM, the signer's own first. key: its private key, PKCS #8 in PEM.

        version: ours. Raises ConfigError for what is neither.
        """
        self._version = version
        algorithm = _algorithm(key)
        try:
            info = c2pa.C2paSignerInfo(algorithm, chain, key, None)
            self._signer = c2pa.Signer.from_info(info)
            self._context = c2pa.Context.from_dict(_SETTINGS)
        except c2pa.C2paError as error:
            raise ConfigError(f"--c2pa-certificate cannot sign: {error}.") from error

    def sign(self, image: ImageData, *, is_edit: bool) -> ImageData:
        """The picture with a manifest that says that a model made, or changed, it.

        Raises LimnerError.
        """
        out = BytesIO()
        try:
            with c2pa.Builder(self._manifest(is_edit), self._context) as builder:
                builder.sign(self._signer, image.media_type, BytesIO(image.content), out)
        except c2pa.C2paError as error:
            raise LimnerError(f"the picture could not be signed: {error}") from error
        return ImageData(out.getvalue(), image.format)

    def _manifest(self, is_edit: bool) -> dict[str, object]:
        action = {"action": "c2pa.created", "digitalSourceType": _EDITED if is_edit else _NEW}
        return {
            "claim_generator_info": [{"name": "Limner", "version": self._version}],
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
        }


def _algorithm(key: bytes) -> str:
    """What C2PA signs with by a key of this kind; raises ConfigError for others."""
    try:
        found = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:
        said = f"--c2pa-key must be a private key in PEM without a password: {error}"
        raise ConfigError(said) from error
    match found:
        case ec.EllipticCurvePrivateKey() if found.curve.name in _CURVES:
            return _CURVES[found.curve.name]
        case ed25519.Ed25519PrivateKey():
            return "ed25519"
        case rsa.RSAPrivateKey():
            return "ps256"
        case _:
            raise ConfigError("--c2pa-key must be of P-256, P-384, P-521, Ed25519 or RSA.")

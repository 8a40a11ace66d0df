"""The file of `--image-service-config`: an external image service, described in JSON.

Required are `provider`, `api_base`, `api_key_env` and `default_model`; `operations.generate` and
`operations.edit` may say other paths or methods than OpenAI's; `preset` names what is known of the
server where its address does not show it. Keys that mean nothing here are kept and pointed out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from limner.config.presets import PRESETS, Preset, load_preset, preset_for
from limner.core.errors import ConfigError
from limner.wire import json
from limner.wire.images_dialect import Endpoint

DOCUMENT = "docs/image-services.md"
REQUIRED = ("provider", "api_base", "api_key_env", "default_model")
METHODS = ("POST", "PUT")

_KNOWN = frozenset({*REQUIRED, "operations", "preset"})
_OPERATIONS = frozenset({"generate", "edit"})


@dataclass(frozen=True, slots=True)
class ImageService:
    """A service that can be asked. key: of the variable `api_key_env`, shown by nothing.

    edit: None leaves it to the preset whether the server edits. not_understood: paths of the keys
    that mean nothing here.
    """

    provider: str
    api_base: str
    key: str = field(repr=False)
    default_model: str
    preset: Preset
    generate: Endpoint
    edit: Endpoint | None
    not_understood: tuple[str, ...] = ()


def load_image_service(path: Path, environ: Mapping[str, str]) -> ImageService:
    """Read the file; raises ConfigError, which names it and the key that cannot work."""
    try:
        value = json.load(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"image_service_config {path} cannot be read: {error}") from None
    try:
        return parse_image_service(value, environ)
    except ConfigError as error:
        raise ConfigError(f"{error.message} The file is {path}.") from None


def parse_image_service(value: object, environ: Mapping[str, str]) -> ImageService:
    """Check the description of a service; raises ConfigError naming what is missing or wrong."""
    if not isinstance(value, dict):
        raise _wrong("image_service_config", value, "a JSON object")
    if missing := sorted(name for name in REQUIRED if not value.get(name)):
        raise ConfigError(
            f"image_service_config is missing required field(s): {', '.join(missing)}. "
            f"See {DOCUMENT} for the template."
        )
    provider, api_base, variable, model = (_text(value, name) for name in REQUIRED)
    preset = _preset(value.get("preset"), api_base)
    operations = value.get("operations") or {}
    if not isinstance(operations, dict):
        raise _wrong("operations", operations, "an object with generate and edit")
    edit = operations.get("edit")
    unknown = value.keys() - _KNOWN
    unknown |= {f"operations.{name}" for name in operations.keys() - _OPERATIONS}

    return ImageService(
        provider,
        _base(api_base),
        _key(variable, environ),
        model,
        preset,
        generate=_operation("generate", operations.get("generate"), preset.generate, api_base),
        edit=(
            None
            if edit is None and preset.knows_server
            else _operation("edit", edit, preset.edit, api_base)
        ),
        not_understood=tuple(sorted(unknown)),
    )


def _preset(name: object, api_base: str) -> Preset:
    if name is None:
        return preset_for(api_base)
    if name not in PRESETS:
        raise _wrong("preset", name, f"one of {', '.join(PRESETS)}")
    return load_preset(name)


def _base(api_base: str) -> str:
    try:
        parts = urlsplit(api_base)
        is_base = parts.scheme in ("http", "https") and parts.hostname and not parts.query
    except ValueError:
        is_base = False
    if not is_base:
        raise _wrong("api_base", api_base, "an address such as https://images.example.com/v1")
    return api_base


def _key(variable: str, environ: Mapping[str, str]) -> str:
    key = environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"image_service_config: api_key_env names the environment variable {variable!r}, which "
            "is not set or empty. Export it with the service's key; a server without keys takes "
            "any word."
        )
    return key


def _operation(name: str, given: object, usual: Endpoint, api_base: str) -> Endpoint:
    """Where an operation is: as given, a path or `{"method": …, "path": …}`, else as usual."""
    where = f"operations.{name}"
    if given is None:
        return usual
    if isinstance(given, str):
        given = {"path": given}
    if not isinstance(given, dict) or given.keys() - {"method", "path"}:
        raise _wrong(where, given, 'a path, or an object such as {"method": "POST", "path": …}')
    method = given.get("method", usual.method)
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise _wrong(f"{where}.method", method, " or ".join(METHODS))
    path = given.get("path", usual.path)
    if not isinstance(path, str) or not path.strip("/") or "://" in path or "#" in path:
        raise _wrong(f"{where}.path", path, f"a path below api_base, such as {usual.path}")
    path, _, query = path.partition("?")
    path = "/" + path.lstrip("/")
    base = urlsplit(api_base).path.rstrip("/")
    if base and path.startswith(f"{base}/"):
        raise _wrong(
            f"{where}.path", path, f"a path without {base}, which api_base ends with already"
        )
    return replace(
        usual, method=method.upper(), path=path, query={**usual.query, **dict(parse_qsl(query))}
    )


def _text(value: dict[str, Any], name: str) -> str:
    text = value[name]
    if not isinstance(text, str) or not text.strip():
        raise _wrong(name, text, "a text")
    return text.strip()


def _wrong(where: str, value: object, accepts: str) -> ConfigError:
    prefix = "" if where == "image_service_config" else "image_service_config: "
    shown = json.dump(value).decode()[:200]
    return ConfigError(f"{prefix}{where} must be {accepts}, got {shown}.")

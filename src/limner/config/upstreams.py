"""The file that `--config` names: several language models and painters, and what a key may do.

Secrets are never in the file: `key_env` names the variable that holds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from limner.config.image_backends import ImageEntry, read_image_backends
from limner.config.language_model_settings import LLM_KINDS
from limner.config.load import check_passthrough
from limner.config.patience import FAILED_TURNS, RETRIES, SECONDS, CircuitLimits, Timeouts
from limner.config.reading import Reader, one_of, text
from limner.config.settings import TABLE
from limner.config.toml_file import Table, read_toml
from limner.core.errors import ConfigError
from limner.core.gate import ImageToolMode
from limner.core.routing import Route, Routes

_AS_FLAG: Mapping[str, Reader[Any]] = {entry.name: entry.option.reads for entry in TABLE}
_KIND = one_of(*LLM_KINDS, "intent")
_VARIABLE = text("the name of an environment variable", "NAME")
_YES_OR_NO: Reader[bool] = Reader(
    "true or false", lambda value: {"True": True, "False": False}[value], "true|false"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamEntry:
    """A table `[upstreams.<name>]`. url: None only for the built-in rules, kind `intent`."""

    route: Route
    url: str | None
    kind: str
    key: str | None = field(default=None, repr=False)
    vision: bool = False
    tools: Literal["auto", "native", "prompted"] = "auto"
    token_limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    max_output_tokens: int | None = None
    thinking: Literal["adaptive", "budget"] = "adaptive"
    image_tool: ImageToolMode = "on"
    timeouts: Timeouts = field(default_factory=Timeouts)
    circuit: CircuitLimits = field(default_factory=CircuitLimits)
    retries: int = 2

    @property
    def name(self) -> str:
        return self.route.upstream


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A table `[keys.<name>]`. image_tool: None leaves it to the upstream."""

    name: str
    key: str = field(repr=False)
    image_tool: ImageToolMode | None = None


@dataclass(frozen=True, slots=True)
class UpstreamsFile:
    """The whole file, checked: no two upstreams claim the same model."""

    upstreams: tuple[UpstreamEntry, ...]
    keys: tuple[KeyEntry, ...] = ()
    images: tuple[ImageEntry, ...] = ()


def read_upstreams(path: Path, environ: Mapping[str, str]) -> UpstreamsFile:
    """Read the file; raises ConfigError naming it, the key, the value and what is accepted."""
    file = read_toml(path)
    upstreams, keys = file.table("upstreams"), file.table("keys")
    images = file.table("images")
    file.end()
    found = UpstreamsFile(
        tuple(_upstream(name, upstreams.table(name), environ) for name in upstreams),
        tuple(_key(name, keys.table(name), environ) for name in keys),
        read_image_backends(images, lambda table: _secret(table, environ)),
    )
    if not found.upstreams:
        raise ConfigError(f"{path}: [upstreams.<name>] must be there at least once, with a url.")
    try:
        Routes(entry.route for entry in found.upstreams)
    except ConfigError as error:
        raise ConfigError(f"{path}: upstreams: {error.message}.") from None
    _check_keys(path, found.keys)
    return found


def _upstream(name: str, table: Table, environ: Mapping[str, str]) -> UpstreamEntry:
    kind = table.take("kind", _KIND, str, default="auto")
    route = Route(name, table.names("models"), table.pairs("aliases"), table.names("patterns"))
    entry = UpstreamEntry(
        route=route,
        url=table.take("url", _AS_FLAG["llm_url"], str, default=None),
        kind=kind,
        key=_secret(table, environ),
        vision=table.take("vision", _YES_OR_NO, bool, default=False),
        tools=table.take("tools", _AS_FLAG["llm_tools"], str, default="auto"),
        token_limit_field=table.take(
            "token_limit_field",
            _AS_FLAG["llm_max_tokens_field"],
            str,
            default="max_completion_tokens",
        ),
        max_output_tokens=table.take(
            "max_output_tokens", _AS_FLAG["llm_max_output_tokens"], int, default=None
        ),
        thinking=table.take("thinking", _AS_FLAG["llm_thinking"], str, default="adaptive"),
        image_tool=table.take("image_tool", _AS_FLAG["image_tool"], str, default="on"),
        timeouts=_timeouts(table.table("timeouts")),
        circuit=_circuit(table.table("circuit")),
        retries=table.take("retries", RETRIES, int, default=2),
    )
    table.end()
    check_passthrough(f"{table.file}: {table.path('image_tool')}", entry.image_tool, kind)
    if (entry.url is None) != (kind == "intent"):
        accepts = "left out with kind intent" if entry.url else _AS_FLAG["llm_url"].accepts
        raise table.wrong("url", accepts, entry.url)
    return entry


def _timeouts(table: Table) -> Timeouts:
    usual = Timeouts()
    timeouts = Timeouts(
        connect=table.take("connect", SECONDS, int, float, default=usual.connect),
        first_byte=table.take("first_byte", SECONDS, int, float, default=usual.first_byte),
        idle=table.take("idle", SECONDS, int, float, default=usual.idle),
        total=table.take("total", SECONDS, int, float, default=usual.total),
    )
    table.end()
    return timeouts


def _circuit(table: Table) -> CircuitLimits:
    usual = CircuitLimits()
    limits = CircuitLimits(
        table.take("failures", FAILED_TURNS, int, default=usual.failures),
        table.take("rest", SECONDS, int, float, default=usual.rest),
    )
    table.end()
    return limits


def _key(name: str, table: Table, environ: Mapping[str, str]) -> KeyEntry:
    key = _secret(table, environ)
    mode = table.take("image_tool", _AS_FLAG["image_tool"], str, default=None)
    table.end()
    if key is None:
        raise table.wrong("key_env", _VARIABLE.accepts, None)
    return KeyEntry(name, key, mode)


def _secret(table: Table, environ: Mapping[str, str]) -> str | None:
    """The value of the variable that `key_env` names; a key in the file itself is not repeated."""
    if "key" in table:
        raise ConfigError(
            f"{table.file}: {table.path('key')} must not be in the file: key_env names the "
            "environment variable that holds the key."
        )
    variable = table.take("key_env", _VARIABLE, str, default=None)
    if variable is None:
        return None
    secret = environ.get(variable, "").strip()
    if not secret:
        accepts = "the name of an environment variable that holds the key"
        raise ConfigError(
            f"{table.file}: {table.path('key_env')} must be {accepts}; {variable!r} is not set "
            "or empty."
        )
    return secret


def _check_keys(path: Path, keys: tuple[KeyEntry, ...]) -> None:
    owners: dict[str, str] = {}
    for entry in keys:
        if entry.key in owners:
            raise ConfigError(
                f"{path}: keys.{entry.name}.key_env must hold another key than "
                f"keys.{owners[entry.key]}.key_env."
            )
        owners[entry.key] = entry.name

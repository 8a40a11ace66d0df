"""Settings from where the operator wrote them: flags, then the environment, then defaults.

- An empty variable counts as not set: composition files write those for what they leave open.
- Keys are read from variables only, so that no list of processes shows them; no message repeats
  the value of one.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from limner.config.option import PREFIX, Entry
from limner.config.reading import Reader
from limner.config.settings import NAMES, OF_OUR_ENGINE, TABLE, Settings
from limner.core.errors import ConfigError

OLDER_PREFIX = "IMAGE_GEN_"
_OF_COMFYUI = ("comfyui_workflow", "comfyui_edit_workflow")
_SAID_BY_FILE = frozenset({"image_backend", "image_key", "model", *_OF_COMFYUI})
_OF_OUR_PAINTER = OF_OUR_ENGINE | {"steps", "guidance_scale"}
_OF_ALL_MODELS = frozenset({"config", "image_denial", "harmony_vocab"})


def load(
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    takes: Collection[str] = NAMES,
) -> Settings:
    """Make the settings; raises ConfigError naming the source, the value and what is accepted.

    flags: text by the name of the field, None where a flag was not given. takes: names of the
    settings that concern the command; the others keep their defaults.
    """
    found: dict[str, Any] = {}
    for entry in TABLE:
        if entry.name not in takes:
            continue
        value = _find(entry, flags.get(entry.name), environ)
        if value is not None:
            found[entry.name] = value
    settings = Settings(**found)
    _check_together(settings)
    return settings


def source(entry: Entry, given: object, environ: Mapping[str, str]) -> str:
    """Where the value comes from that `load` takes: a flag, a variable, or `default`.

    given: what the flag was given, None where it was not.
    """
    if given is not None:
        return str(given) if entry.option.secret else entry.flag
    variables = (entry.variable, entry.option.older)
    return next((name for name in variables if name and environ.get(name)), "default")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """One sentence for each variable that looks like ours and is none: a word mistyped, perhaps."""
    known = {entry.variable for entry in TABLE} | {
        entry.option.older for entry in TABLE if entry.option.older
    }
    sentences = []
    for name in sorted(environ):
        if name.startswith((PREFIX, OLDER_PREFIX)) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "docs/configure.md lists them."
            sentences.append(f"The variable {name} is not a setting; {hint}")
    return sentences


def _find(entry: Entry, given: str | None, environ: Mapping[str, str]) -> Any:
    option = entry.option
    if option.secret:
        return _find_secret(entry, given, environ)
    if given is not None:
        return _read(entry.flag, option.reads, given)
    if environ.get(entry.variable):
        return _read(entry.variable, option.reads, environ[entry.variable])
    if option.older and environ.get(option.older):
        return _read(option.older, option.older_reads or option.reads, environ[option.older])
    return None


def _find_secret(entry: Entry, given: str | None, environ: Mapping[str, str]) -> Any:
    variable = given if given is not None else entry.variable
    secret = environ.get(variable, "").strip()
    if secret:
        return _read(variable, entry.option.reads, secret, is_secret=True)
    if given is not None:
        raise ConfigError(
            f"{entry.flag} must be the name of an environment variable that holds the value; "
            f"{given!r} is not set or empty."
        )
    return None


def _read(source: str, reads: Reader[Any], given: str, *, is_secret: bool = False) -> Any:
    try:
        if not given:
            raise ValueError(given)
        return reads.read(given)
    except (ValueError, KeyError):
        shown = "something else" if is_secret else repr(given)
        raise ConfigError(f"{source} must be {reads.accepts}, got {shown}.") from None


def _check_together(settings: Settings) -> None:
    if settings.config is not None:
        _check_beside_file(settings)
    if settings.llm_model is not None and settings.llm_url is None:
        raise ConfigError(
            "--llm-model (LIMNER_LLM_MODEL) needs --llm (LIMNER_LLM_URL), the address of the "
            "language model's server."
        )
    if settings.image_service_config is not None:
        _check_alone(settings)
    kind = settings.llm_kind if settings.llm_url else "intent"
    check_passthrough("--image-tool (LIMNER_IMAGE_TOOL)", settings.image_tool, kind)
    paints = settings.image_backend or "engine"
    for entry in TABLE:
        is_comfyui_s = entry.name in _OF_COMFYUI and getattr(settings, entry.name)
        if is_comfyui_s and not paints.startswith("comfyui+"):
            raise ConfigError(
                f"{entry.flag} ({entry.variable}) needs --image-backend comfyui+http://…, got "
                f"{paints}."
            )
    if paints != "engine":
        for entry in TABLE:
            if entry.name in _OF_OUR_PAINTER and getattr(settings, entry.name) != entry.default:
                raise ConfigError(
                    f"{entry.flag} ({entry.variable}) is a setting of our engine, which does not "
                    f"run with --image-backend {settings.image_backend}. Set it where that paints."
                )


def check_passthrough(source: str, mode: str, kind: str) -> None:
    """Raise ConfigError where the image tool is to be passed to a server that cannot have it."""
    if mode == "passthrough" and kind not in ("auto", "responses"):
        raise ConfigError(
            f"{source} can be passthrough with a server of kind responses only, got kind {kind}."
        )


def check_painters_are_the_file_s(settings: Settings) -> None:
    """Raise ConfigError for flags about one image back end beside a file with several."""
    for entry in TABLE:
        is_of_one = entry.name in _SAID_BY_FILE or entry.name == "image_service_config"
        if is_of_one and getattr(settings, entry.name) is not None:
            raise ConfigError(
                f"{entry.flag} ({entry.variable}) describes one image back end, and --config "
                f"{settings.config} several. Say it in the file."
            )


def _check_alone(settings: Settings) -> None:
    """The file of an external service says all about what paints."""
    silent = _SAID_BY_FILE | _OF_OUR_PAINTER
    for entry in TABLE:
        if entry.name in silent and getattr(settings, entry.name) != entry.default:
            raise ConfigError(
                f"{entry.flag} ({entry.variable}) has no meaning beside --image-service-config "
                f"{settings.image_service_config}, whose service paints. Leave one of them out."
            )


def _check_beside_file(settings: Settings) -> None:
    """What describes one language model says nothing where a file describes several."""
    for entry in TABLE:
        is_of_one = entry.option.part == "language model" and entry.name not in _OF_ALL_MODELS
        if is_of_one and getattr(settings, entry.name) != entry.default:
            raise ConfigError(
                f"{entry.flag} ({entry.variable}) describes one language model, and --config "
                f"{settings.config} several. Say it in the file."
            )

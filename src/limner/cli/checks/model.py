"""Whether the files of the engine's model are here: in a folder, or in the cache of the Hub."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from limner.app.painting import DEFAULT_MODEL
from limner.cli.checks.verdict import Verdict, failure, ok, warning
from limner.core.errors import ConfigError
from limner.engine.families import FAMILIES
from limner.engine.model_files import HUB_ID, INDEX, TINY
from limner.engine.pipelines.siblings import class_of

GUIDE = "docs/models.md"
_SUFFIXES = (".safetensors", ".bin")
_WEIGHTLESS = ("Scheduler", "Tokenizer", "TokenizerFast", "Processor", "FeatureExtractor")
"""How the names of classes end that hold no weights."""


def check_model(model: str | None) -> tuple[Verdict, Path | None]:
    """The verdict, and the folder that it would be read from, where it is here whole."""
    name = model or DEFAULT_MODEL
    if name == DEFAULT_MODEL:
        return _check_folder(name, TINY, "Install Limner again: its own model is in the package.")
    if Path(name).is_dir():
        return _check_folder(name, Path(name), "Copy the folder again, whole.")
    if not HUB_ID.fullmatch(name):
        remedy = "Choose --model tiny, a folder that is there, or a name such as owner/model."
        return failure("model", f"{name} is no folder here, and no name on the Hub", remedy), None
    return _check_cache(name)


def _check_cache(name: str) -> tuple[Verdict, Path | None]:
    from huggingface_hub import constants, try_to_load_from_cache

    fetch = f"Fetch it: limner pull {name}"
    index = try_to_load_from_cache(name, INDEX)
    if isinstance(index, str):
        return _check_folder(name, Path(index).parent, fetch)
    if constants.HF_HUB_OFFLINE:
        what = f"{name} is not in the cache of the Hub, and HF_HUB_OFFLINE forbids to fetch it"
        return failure("model", what, f"{fetch}, with HF_HUB_OFFLINE=0"), None
    return warning("model", f"{name} is not here; the first start fetches it", fetch), None


def _check_folder(name: str, folder: Path, remedy: str) -> tuple[Verdict, Path | None]:
    try:
        index = _read(folder / INDEX)
        missing = list(_missing(folder, index))
    except (OSError, ValueError, LookupError) as error:
        return failure("model", f"{name} cannot be read: {error}", remedy), None
    if said := _refused(name, index):
        return failure("model", said, f"Choose another --model: {GUIDE} says which."), None
    if missing:
        return failure("model", f"{name} lacks {', '.join(missing)}", remedy), None
    parts = [folder / part for part, value in index.items() if _holds_weights(part, value)]
    size = sum(path.stat().st_size for part in parts for path in _weights(part))
    return ok("model", f"{name}, {size / 1e6:,.0f} MB in {folder}"), folder


def _refused(name: str, index: Mapping[str, Any]) -> str | None:
    """Why the engine would not load such a pipeline; None where it would, or nobody can tell."""
    if any(family.pipeline == index.get("_class_name") for family in FAMILIES):
        return None
    try:
        class_of(index, name)
    except ConfigError as error:
        return error.message
    except ImportError:  # of Diffusers, which another check tells
        pass
    return None


def _missing(folder: Path, index: Mapping[str, Any]) -> Iterator[str]:
    for part, value in index.items():
        if not _is_part(part, value):
            continue
        if not (folder / part).is_dir():
            yield part
        elif _holds_weights(part, value):
            yield from _missing_weights(folder / part)


def _is_part(name: str, value: Any) -> bool:
    """Of the pipeline, by its index; one that may be there and is not is a pair of nulls."""
    return isinstance(value, list) and not name.startswith("_") and all(value)


def _holds_weights(name: str, value: Any) -> bool:
    return _is_part(name, value) and not str(value[-1]).endswith(_WEIGHTLESS)


def _missing_weights(part: Path) -> Iterator[str]:
    """Large weights come in several files, which another one lists."""
    lists = list(part.glob("*.index.json"))
    for path in lists:
        names = sorted(set(_read(path)["weight_map"].values()))
        yield from (f"{part.name}/{name}" for name in names if not (part / name).exists())
    if not lists and not _weights(part):
        yield f"the weights in {part.name}"


def _weights(part: Path) -> list[Path]:
    return [path for path in part.iterdir() if path.suffix in _SUFFIXES and path.exists()]


def _read(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path} must hold a JSON object")
    return value

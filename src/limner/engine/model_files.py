"""A model's files: in a folder on disk, or of a model of the Hugging Face Hub.

Whatever goes wrong with files, Hub and network is told as a ConfigError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from limner.core.errors import ConfigError
from limner.engine.pipelines.siblings import class_of

TINY = Path(__file__).parent / "models" / "tiny"
INDEX = "model_index.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def checked_index(source: str) -> tuple[dict[str, Any], type[Any]]:
    """The pipeline's index and class, looked at before any weights are fetched."""
    if not Path(source).is_dir() and not HUB_ID.fullmatch(source):
        raise ConfigError(
            f"model {source!r} is no folder here and no Hub id; give 'tiny', a folder that holds a "
            "Diffusers pipeline, or an id such as 'Tongyi-MAI/Z-Image-Turbo'"
        )
    index: dict[str, Any] = _translated(source, lambda: _index(source))
    return index, class_of(index, source)


def _index(source: str) -> dict[str, Any]:
    """What a pipeline consists of. Asked of the Hub itself, whose refusals Diffusers rewords."""
    from huggingface_hub import hf_hub_download

    is_here = Path(source).is_dir()
    path = Path(source, INDEX) if is_here else Path(hf_hub_download(source, INDEX))
    index = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(index, dict):
        raise ValueError(f"{path} must hold a JSON object")
    return index


def fetched(diffusers: Any, source: str) -> Path:
    """The folder to load from."""
    if Path(source).is_dir():
        return Path(source)
    return Path(_translated(source, lambda: diffusers.DiffusionPipeline.download(source)))


def read_pipeline(diffusers: Any, source: str, folder: Path, dtype: Any) -> Any:
    """The pipeline, in the machine's memory."""
    return _translated(
        source, lambda: diffusers.DiffusionPipeline.from_pretrained(folder, dtype=dtype)
    )


def _translated(source: str, read: Callable[[], Any]) -> Any:
    """Run a step of loading; what it raises about files, hub and network becomes ConfigError."""
    from huggingface_hub.errors import HfHubHTTPError

    from limner.engine.hub import plainly

    try:
        return read()
    except (OSError, ValueError, ImportError, HfHubHTTPError) as error:
        said = plainly(source, error) or " ".join(str(error).split())
        raise ConfigError(f"model {source!r} cannot be loaded: {said}") from error


def stated(source: str) -> Mapping[str, Any]:
    """What a model's folder states about itself; nothing for most."""
    path = Path(source, "limner.json")
    if not path.is_file():
        return {}
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} must hold a JSON object")
    return settings

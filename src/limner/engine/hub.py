"""Models of the Hugging Face Hub, brought here whole before anything loads them.

Only what a pipeline is read from is brought: configurations, tokenizers and safetensors of the
parts that its index names. Files that can run code when they are read (pickles) are left where they
are. What broke off goes on where it was.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.core.errors import ConfigError, LimnerError
from limner.engine.model_files import HUB_ID, INDEX

WANTED = [INDEX, "*/*.json", "*/*.safetensors", "*/*.txt", "*/*.model", "*/*.jinja"]
UNWANTED = ["*.fp16.*", "*.bf16.*", "*.non_ema.*"]
"""Second copies of weights, for other readers."""

_HTTP_CLIENTS = ("httpx", "httpcore", "requests")
"""The library raises what its HTTP client raises, which differs between its versions."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a model. size: bytes, 0 where nobody says. is_here: whether it is here whole."""

    name: str
    size: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class HubModel:
    """What is to be brought. revision: the commit, so that all files are of one version.

    weights: bytes of safetensors, which is about what loading needs of memory.
    """

    name: str
    revision: str
    files: tuple[HubFile, ...]
    folder: Path

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def missing(self) -> int:
        return sum(file.size for file in self.files if not file.is_here)

    @property
    def weights(self) -> int:
        return sum(file.size for file in self.files if file.name.endswith(".safetensors"))


def look_up(model: str) -> HubModel:
    """Ask the Hub what there is. model: such as `Tongyi-MAI/Z-Image-Turbo`.

    Raises ConfigError for what is no model's name, LimnerError where the Hub says no or nothing.
    """
    if not HUB_ID.fullmatch(model):
        raise ConfigError(
            f"The model must be a name of the Hugging Face Hub, such as Tongyi-MAI/Z-Image-Turbo, "
            f"got {model!r}."
        )
    from huggingface_hub import constants, snapshot_download

    with _said_plainly(model):
        found: Any = snapshot_download(
            model, allow_patterns=WANTED, ignore_patterns=UNWANTED, dry_run=True
        )
    files = tuple(HubFile(each.filename, each.file_size or 0, each.is_cached) for each in found)
    if not any(file.name == INDEX for file in files):
        raise LimnerError(
            f"{model} holds no pipeline of Diffusers: it has no model_index.json. Take a model "
            "whose files are folders such as 'transformer' and 'vae'."
        )
    revision = found[0].commit_hash
    parts = {INDEX, *_parts(model, revision)}
    wanted = tuple(file for file in files if file.name.partition("/")[0] in parts)
    return HubModel(model, revision, wanted, Path(constants.HF_HUB_CACHE))


def _parts(model: str, revision: str) -> set[str]:
    """What the pipeline's index names: some models lie beside copies of their parts, for others."""
    from huggingface_hub import hf_hub_download

    with _said_plainly(model):
        path = hf_hub_download(model, INDEX, revision=revision)
    try:
        return set(json.loads(Path(path).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise LimnerError(f"{model} cannot be read: its {INDEX} is broken: {error}") from error


def check_room(model: HubModel) -> None:
    """Raise LimnerError where the disk has no room for what is missing."""
    there = model.folder
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < model.missing:
        raise LimnerError(
            f"{model.name} needs {gigabytes(model.missing)} more, and {there} has "
            f"{gigabytes(free)} free. Make room, or name another folder in HF_HOME."
        )


def bring(model: HubModel, on_bytes: Callable[[str, int], None]) -> Path:
    """Download what is missing; returns the folder to load from.

    on_bytes: told the file and how many of its bytes have just arrived. Raises LimnerError.
    """
    from huggingface_hub import hf_hub_download
    from tqdm.std import tqdm

    path = ""
    for file in model.files:

        class Arrivals(tqdm):  # type: ignore[misc]  # the library's only way to say how far it is
            name = file.name

            def __init__(self, *args: object, **options: object) -> None:
                super().__init__(disable=True)

            def update(self, n: float | None = 1) -> None:
                on_bytes(self.name, int(n or 0))

        with _said_plainly(model.name):
            path = hf_hub_download(
                model.name, file.name, revision=model.revision, tqdm_class=Arrivals
            )
        if file.name == INDEX:
            index = Path(path)
    return index.parent


def gigabytes(size: int) -> str:
    """In words for a person: `12.3 GB`, `86 MB`, `4 kB`."""
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6)):
        if size >= bytes_each:
            return f"{size / bytes_each:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"


@contextmanager
def _said_plainly(model: str) -> Iterator[None]:
    """Say the library's errors as what a person can do about them."""
    try:
        yield
    except Exception as error:
        # The library wraps the Hub's answer when it only looks.
        said = plainly(model, error.__cause__) if error.__cause__ else None
        if (said := said or plainly(model, error)) is None:
            raise
        raise LimnerError(said) from error


def plainly(model: str, error: BaseException) -> str | None:
    """What an error means to a person; None where it is not about the Hub or the disk."""
    from huggingface_hub import errors

    match error:
        case errors.GatedRepoError():
            return (
                f"{model} is given only to people who have accepted its terms. Accept them on its "
                "page of the Hub, and put your token into HF_TOKEN."
            )
        case errors.RepositoryNotFoundError():
            token = "" if os.environ.get("HF_TOKEN") else ", or a token in HF_TOKEN is needed"
            return f"There is no model {model} on the Hub{token}."
        case errors.OfflineModeIsEnabled():
            return "HF_HUB_OFFLINE is set, so nothing can be downloaded; unset it."
        case OSError():
            return f"{model} could not be downloaded: {error}"
        case _ if type(error).__module__.partition(".")[0] in _HTTP_CLIENTS:
            return f"The Hub could not be reached: {error}"
        case _:
            return None

"""From a folder on disk, or a model of the Hugging Face Hub, to modules ready to paint.

Diffusers loads; the denoising loop is ours. So only pipelines around `ZImageTransformer2DModel` are
accepted, whatever their size.
"""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.core.errors import ConfigError
from limner.engine.device import choose_device, choose_dtype, physical_cores
from limner.engine.model import ModelFacts, read_facts
from limner.engine.picture_model import PictureModel
from limner.engine.room import check_room, what_helps

TINY = Path(__file__).parent / "models" / "tiny"
INDEX = "model_index.json"
TRANSFORMER = "ZImageTransformer2DModel"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

Progress = Callable[[float, str], None]
"""Told how far loading is, 0 to 1, and what is being done, in words for a person."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pipeline of Diffusers' and where it lives. Typed loosely: torch makes no promises.

    dtype: of transformer and text encoder; the VAE's own may be wider.
    """

    facts: ModelFacts
    pipeline: Any
    device: Any
    dtype: Any


def load(
    model: str = "tiny",
    *,
    name: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    threads: int | None = None,
    progress: Progress = lambda share, words: None,
) -> Loaded:
    """Load a pipeline and put it on its device. Takes seconds to minutes; blocks.

    model: `tiny`, a folder, or a Hub id such as `Tongyi-MAI/Z-Image-Turbo` (offline settings of the
        Hub library are respected). name: what it is served as; the last part of `model` by default.
    device: `auto` (CUDA or ROCm, then Metal, then CPU) or a torch device.
    dtype: `auto` (bfloat16, on CPU float32) or one of `engine.device.DTYPES`.
    threads: CPU threads of one operation; by default physical cores less one.

    Raises ConfigError when this cannot work, naming what would.
    """
    # Threads that spin at every barrier make a busy small machine ten times slower. OpenMP reads
    # this when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    progress(0.0, "importing torch and diffusers")
    torch, diffusers = _import_engine()
    torch.set_num_threads(threads or max(1, physical_cores() - 1))
    chosen = choose_device(torch, device)
    kind = choose_dtype(torch, dtype, chosen)
    source = str(TINY) if model == "tiny" else model
    with _quiet(diffusers):
        _check_index(source)
        if not Path(source).is_dir():
            progress(0.1, f"fetching what is not here of {model}; limner pull tells how far it is")
        folder = _fetched(diffusers, source)
        progress(0.2, f"loading {model}")
        check_room(
            name or Path(model).name,
            folder,
            dtype=str(kind).removeprefix("torch."),
            bytes_each=kind.itemsize,
            device=str(chosen),
            device_free=torch.cuda.mem_get_info(chosen)[0] if chosen.type == "cuda" else None,
        )
        pipeline = _load(diffusers, source, folder, kind)
        facts = read_facts(name or Path(model).name, _settings(source), f"{source}/limner.json")
        return _place(torch, pipeline, facts, chosen, kind)


def open_model(loaded: Loaded) -> PictureModel:
    """The loop that paints with what was loaded."""
    from limner.engine.zimage.denoise import Denoiser

    return Denoiser(loaded)


def _import_engine() -> tuple[Any, Any]:
    try:
        import diffusers
        import torch
        import transformers  # noqa: F401  diffusers would fail later, and less clearly
    except ImportError as error:
        raise ConfigError(
            f"the local engine needs the package {error.name!r}; "
            "install it with: pip install 'limner[engine]'"
        ) from error
    return torch, diffusers


def _check_index(source: str) -> None:
    """Look at the pipeline's index before any weights are fetched."""
    if not Path(source).is_dir() and not HUB_ID.fullmatch(source):
        raise ConfigError(
            f"model {source!r} is no folder here and no Hub id; give 'tiny', a folder that holds a "
            "Diffusers pipeline, or an id such as 'Tongyi-MAI/Z-Image-Turbo'"
        )
    index = _translated(source, lambda: _index(source))
    part = index.get("transformer", (None, None))[1]
    if part != TRANSFORMER:
        raise ConfigError(
            f"model {source!r} is a {index.get('_class_name')} with transformer {part}; accepted "
            f"are those with {TRANSFORMER}: 'tiny', 'Tongyi-MAI/Z-Image-Turbo' and their like"
        )


def _index(source: str) -> dict[str, Any]:
    """What a pipeline consists of. Asked of the Hub itself, whose refusals Diffusers rewords."""
    from huggingface_hub import hf_hub_download

    is_here = Path(source).is_dir()
    path = Path(source, INDEX) if is_here else Path(hf_hub_download(source, INDEX))
    index = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(index, dict):
        raise ValueError(f"{path} must hold a JSON object")
    return index


def _fetched(diffusers: Any, source: str) -> Path:
    """The folder to load from."""
    if Path(source).is_dir():
        return Path(source)
    return Path(_translated(source, lambda: diffusers.DiffusionPipeline.download(source)))


def _load(diffusers: Any, source: str, folder: Path, dtype: Any) -> Any:
    return _translated(
        source, lambda: diffusers.DiffusionPipeline.from_pretrained(folder, dtype=dtype)
    )


def _translated(source: str, read: Callable[[], Any]) -> Any:
    """Run a step of loading; what it raises about files, hub and network becomes ConfigError."""
    from huggingface_hub.errors import HfHubHTTPError

    from limner.engine.hub import plainly

    try:
        return read()
    except (OSError, ValueError, HfHubHTTPError) as error:
        said = plainly(source, error) or str(error)
        raise ConfigError(f"model {source!r} cannot be loaded: {said}") from error


def _settings(source: str) -> Mapping[str, Any]:
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


def _place(torch: Any, pipeline: Any, facts: ModelFacts, device: Any, dtype: Any) -> Loaded:
    if dtype == torch.float16:
        pipeline.vae.to(torch.float32)  # its activations leave the range of float16: black pictures
    try:
        pipeline.to(device)
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"model {facts.name!r} does not fit into the memory of {device}. "
            f"{what_helps(str(dtype).removeprefix('torch.'), str(device))}"
        ) from error
    if pipeline.scheduler.config.use_dynamic_shifting:
        raise ConfigError(
            f"model {facts.name!r} shifts its noise levels by picture size (use_dynamic_shifting); "
            "only schedulers with a fixed shift, as all of Z-Image has, are supported"
        )
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return Loaded(facts, pipeline, device, dtype)


@contextmanager
def _quiet(diffusers: Any) -> Iterator[None]:
    """Keep progress bars and what libraries say about each other off standard error."""
    import transformers

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
    noise = logging.getLogger("diffusers.models.modeling_utils")
    noise.addFilter(_says_something)
    try:
        with warnings.catch_warnings():
            # Diffusers 0.42 asks the Hub library in words that it no longer takes.
            warnings.filterwarnings("ignore", "The `local_dir_use_symlinks` argument")
            yield
    finally:
        noise.removeFilter(_says_something)


def _says_something(record: logging.LogRecord) -> bool:
    """False for a warning about an empty list, which Diffusers 0.42 logs at every cast."""
    return "should be kept in float32: []" not in record.getMessage()

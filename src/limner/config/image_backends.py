"""The tables `[images.<name>]` of the file that `--config` names: several image back ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from limner.config.picture_settings import WIRES
from limner.config.reading import FILE, address, text
from limner.config.settings import Settings
from limner.config.toml_file import Table
from limner.core.errors import ConfigError
from limner.wire.comfyui_workflow import read_workflow

_PAINTS = address("engine", wires=WIRES, several=True)
_MODEL = text("a name", "MODEL")


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """One table. The first of the file is the default.

    backend: as `--image-backend` takes it. aliases: further names, each with the back end's model
    that it stands for. workflow, edit_workflow: files for a ComfyUI, checked.
    """

    name: str
    backend: str
    key: str | None = field(default=None, repr=False)
    model: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    workflow: Path | None = None
    edit_workflow: Path | None = None

    def of(self, settings: Settings) -> Settings:
        """The settings as they would be if this were the only back end."""
        return replace(
            settings,
            config=None,
            image_backend=self.backend,
            image_key=self.key,
            model=self.model,
            comfyui_workflow=self.workflow,
            comfyui_edit_workflow=self.edit_workflow,
        )


def read_image_backends(
    tables: Table, secret: Callable[[Table], str | None]
) -> tuple[ImageEntry, ...]:
    """All tables in their order. secret: reads what `key_env` names. Raises ConfigError."""
    entries = tuple(_entry(name, tables.table(name), secret) for name in tables)
    engines = [entry.name for entry in entries if entry.backend == "engine"]
    if len(engines) > 1:
        raise ConfigError(
            f"{tables.file}: {tables.path(engines[1])}.backend must be another than engine, which "
            f"{tables.path(engines[0])} has: the engines of one server have one model."
        )
    return entries


def _entry(name: str, table: Table, secret: Callable[[Table], str | None]) -> ImageEntry:
    backend = table.take("backend", _PAINTS, str, default=None)
    if backend is None:
        raise table.wrong("backend", _PAINTS.accepts, None)
    entry = ImageEntry(
        name,
        backend,
        secret(table),
        table.take("model", _MODEL, str, default=None),
        table.pairs("aliases"),
        _workflow(table, "workflow", backend),
        _workflow(table, "edit_workflow", backend, edits=True),
    )
    table.end()
    return entry


def _workflow(table: Table, key: str, backend: str, *, edits: bool = False) -> Path | None:
    """A file beside this one, unless its path is absolute."""
    named = table.take(key, FILE, str, default=None)
    if named is None:
        return None
    if not backend.startswith("comfyui+"):
        raise table.wrong(key, f"left out with the backend {backend!r}, no ComfyUI", str(named))
    path = Path(table.file).parent / named
    try:
        read_workflow(path.read_bytes(), edits=edits)
    except (OSError, ValueError) as error:
        raise table.wrong(key, f"a workflow that can be used ({error})", str(named)) from None
    return path

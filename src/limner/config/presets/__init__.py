"""What is known of servers with an Images API: one JSON file a server, and how it is chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Literal, get_args

from limner.core.image import ImageCapabilities
from limner.wire import json
from limner.wire.images_dialect import Dialect, Endpoint, ServerFacts

PresetName = Literal[
    "openai",
    "azure",
    "azure-v1",
    "vllm-omni",
    "sglang",
    "localai",
    "sd-cpp",
    "limner",
    "engine",
    "other",
]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)


@dataclass(frozen=True, slots=True)
class Preset:
    """One server's file.

    about, source, example: for documents: what it is, where that is written, a base address.
    url: the base addresses that are surely its; None where an address does not show it.
    key_header: where the key goes; into `Authorization` as a bearer token.
    """

    name: PresetName
    about: str
    source: str
    example: str
    url: re.Pattern[str] | None
    capabilities: ImageCapabilities
    dialect: Dialect
    key_header: str
    generate: Endpoint
    edit: Endpoint

    @property
    def knows_server(self) -> bool:
        """Whether it is about a certain server; else the operator's word counts."""
        return self.name != "other"

    def facts(
        self,
        model: str | None,
        *,
        generate: Endpoint | None = None,
        edit: Endpoint | None = None,
    ) -> ServerFacts:
        """What its client needs to know. model: where requests name none.

        generate, edit: where the operator says that they are; a server that is not known to edit is
        believed then to do it as OpenAI's does. The name in our lists is the model's.
        """
        can = replace(self.capabilities, name=model or self.capabilities.name)
        if edit and not can.edits:
            can = replace(can, edits=True, mask=True, max_images=16, input_fidelity=True)
        return ServerFacts(can, self.dialect, generate or self.generate, model, edit or self.edit)


def load_preset(name: PresetName) -> Preset:
    """The preset of this name."""
    return _preset(name, json.load(files(__name__).joinpath(f"{name}.json").read_bytes()))


def preset_for(api_base: str) -> Preset:
    """The preset of the server at this base address; `other` where the address does not show it."""
    for name in PRESETS:
        preset = load_preset(name)
        if preset.url and preset.url.fullmatch(api_base):
            return preset
    return load_preset("other")


def _preset(name: PresetName, file: dict[str, Any]) -> Preset:
    can = dict(file["capabilities"])
    if "formats" in can:
        can["formats"] = tuple(can["formats"])
    query = file.get("query", {})
    renamed = file.get("renamed", {})
    options = {option: option for option in file["options"]} | renamed
    for_edits = {option: option for option in file["edit_options"]}
    return Preset(
        name,
        about=file["about"],
        source=file["source"],
        example=file["example"],
        url=re.compile(file["url"]) if "url" in file else None,
        capabilities=ImageCapabilities(**{"name": name, **can}),
        dialect=Dialect(
            options,
            edit_options=for_edits | renamed,
            always=file.get("always", {}),
            has_own_models=file.get("has_own_models", False),
            tells=frozenset(file.get("tells", ())),
            prompt_tag=file.get("prompt_tag"),
            tag_options=file.get("tag_options", {}),
            prompt_replaces=file.get("prompt_replaces", {}),
        ),
        key_header=file.get("key_header", "Authorization"),
        generate=Endpoint(path=file.get("generate", "/images/generations"), query=query),
        edit=Endpoint(path=file.get("edit", "/images/edits"), query=query),
    )

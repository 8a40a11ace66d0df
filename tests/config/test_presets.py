"""The files on servers: whole, sound, and chosen by addresses that are surely theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.config import presets
from limner.config.presets import PRESETS, Preset, PresetName, load_preset, preset_for
from limner.core.image import FORMATS
from limner.wire.images_dialect import ONLY_EDITS, OPTIONS, OUR_OPTIONS, Endpoint

FOLDER = Path(presets.__file__).parent


def test_there_is_a_file_for_each_name_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_sound(name: PresetName) -> None:
    preset = load_preset(name)
    options = {*preset.dialect.options, *preset.dialect.tag_options}
    for_edits = {*preset.dialect.edit_options, *preset.dialect.tag_options}
    assert options <= {*OPTIONS, *ONLY_EDITS}
    assert for_edits <= {*OPTIONS, *ONLY_EDITS}
    assert not options & set(ONLY_EDITS) - set(preset.dialect.tag_options)
    if preset.capabilities.edits:
        for option in ONLY_EDITS:
            assert getattr(preset.capabilities, option) == (option in for_edits)
    assert preset.capabilities.seed == bool(options & set(OUR_OPTIONS))
    assert set(preset.capabilities.formats or ()) <= set(FORMATS)
    assert preset.source.startswith("https://")
    assert preset_for(preset.example).name == (name if preset.url else "other")
    for endpoint in (preset.generate, preset.edit):
        assert endpoint.path.startswith("/")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://api.openai.com", "openai"),
        ("https://api.openai.com.evil.example/v1", "other"),
        ("https://mine.openai.azure.com/", "azure"),
        ("https://mine.cognitiveservices.azure.com/openai/v1/", "azure-v1"),
        ("https://openai.azure.com.example/", "other"),
        ("http://127.0.0.1:8080/v1", "other"),
    ],
)
def test_addresses_show_whose_they_are(address: str, name: str) -> None:
    assert preset_for(address).name == name


def test_a_back_end_is_called_by_its_model() -> None:
    assert load_preset("openai").facts("gpt-image-1").capabilities.name == "gpt-image-1"
    assert load_preset("openai").facts(None).capabilities.name == "openai"
    assert load_preset("other").facts(None).capabilities.name == "images"


def test_an_operator_may_know_that_a_server_edits() -> None:
    there = Endpoint("PUT", "/retouch")
    facts = load_preset("other").facts(None, edit=there)
    assert (facts.edit, facts.capabilities.edits, facts.capabilities.mask) == (there, True, True)
    assert not load_preset("other").facts(None).capabilities.edits
    known = load_preset("vllm-omni").facts(None, edit=there)
    assert (known.capabilities.edits, known.capabilities.mask) == (True, False)


def row(name: PresetName) -> str:
    """A preset's line of the table in the documents."""
    preset = load_preset(name)
    takes = {*preset.dialect.options, *preset.dialect.tag_options}
    cells = (
        f"`{name}`",
        f"[{preset.about}]({preset.source})",
        f"`{preset.example}`",
        "yes" if preset.url else "no",
        "yes" if preset.capabilities.partial_images else "no",
        ", ".join(preset.capabilities.formats or ("as it likes",)),
        _edits(preset),
        *("yes" if option in takes else "no" for option in OUR_OPTIONS),
    )
    return f"| {' | '.join(cells)} |"


def _edits(preset: Preset) -> str:
    can = preset.capabilities
    return ("with masks" if can.mask else "yes") if can.edits else "no"


def test_the_documents_have_them_as_they_are() -> None:
    page = (FOLDER.parents[3] / "docs" / "image-services.md").read_text()
    table = "\n".join(map(row, PRESETS))
    assert table in page, f"the table must be\n{table}"

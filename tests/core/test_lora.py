"""Adapters as an operator writes them down."""

from __future__ import annotations

import pytest

from limner.core.lora import LoraFile, read_lora_file


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("ink=/models/ink.safetensors", LoraFile("ink", "/models/ink.safetensors")),
        ("ink=ink.safetensors:0.8", LoraFile("ink", "ink.safetensors", 0.8)),
        (" ink=a:b:-1 ", LoraFile("ink", "a:b", -1.0)),
        ("Pixel_2-x=owner/pixel-art", LoraFile("Pixel_2-x", "owner/pixel-art")),
        ("ink=C:/models/ink", LoraFile("ink", "C:/models/ink")),
        ("ink=a=b", LoraFile("ink", "a=b")),
    ],
)
def test_a_name_a_place_and_perhaps_a_weight(text: str, file: LoraFile) -> None:
    assert read_lora_file(text) == file
    assert read_lora_file(str(file)) == file


@pytest.mark.parametrize(
    "text",
    ["", "ink", "ink=", "=a", "i nk=a", "ink=:0.5", "ink=a:nan", "ink=a:4.5", "ink=a:-inf", "-=a"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no adapter"):
        read_lora_file(text)

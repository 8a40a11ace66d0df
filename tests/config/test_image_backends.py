"""Several image back ends in the file that `--config` names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from limner.config import Settings
from limner.config.image_backends import ImageEntry
from limner.config.load import check_painters_are_the_file_s
from limner.config.upstreams import read_upstreams
from limner.core.errors import ConfigError

RULES = '[upstreams.rules]\nkind = "intent"\n'


def read(text: str, folder: Path, **environ: str) -> tuple[ImageEntry, ...]:
    path = folder / "limner.toml"
    path.write_text(RULES + text)
    return read_upstreams(path, environ).images


def test_the_tables_are_read_in_their_order(tmp_path: Path) -> None:
    text = """
    [images.big]
    backend = "https://api.openai.com/v1"
    key_env = "BIG_KEY"
    model = "gpt-image-1"
    aliases = { small = "gpt-image-1-mini" }

    [images.here]
    backend = "engine"
    """
    big, here = read(text, tmp_path, BIG_KEY="sk-big")
    assert big == ImageEntry(
        "big", "https://api.openai.com/v1", "sk-big", "gpt-image-1", {"small": "gpt-image-1-mini"}
    )
    assert "sk-big" not in repr(big)
    alone = big.of(Settings(config=tmp_path, max_queue=3))
    assert (alone.image_backend, alone.image_key, alone.model) == (
        "https://api.openai.com/v1",
        "sk-big",
        "gpt-image-1",
    )
    assert (alone.config, alone.max_queue) == (None, 3)
    assert here.of(Settings()).paints_itself


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[images.a]\n", "images.a.backend must be engine, or an address such as"),
        ('[images.a]\nbackend = "none"\n', "images.a.backend must be engine, or an address such"),
        ('[images.a]\nbackend = "engine"\nsteps = 4\n', "images.a.steps is not a key; known: "),
        ('[images.a]\nbackend = "engine"\nkey_env = "NO"\n', "images.a.key_env must be the name"),
        (
            '[images.a]\nbackend = "engine"\n[images.b]\nbackend = "engine"\n',
            "images.b.backend must be another than engine, which images.a has",
        ),
    ],
)
def test_what_cannot_be_accepted_is_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text, tmp_path)
    assert re.search(rf"limner\.toml(, line \d+)?: {re.escape(message)}", raised.value.message)


WORKFLOW = '{"1": {"class_type": "A", "inputs": {"text": "{{prompt}} %s"}}}'
COMFYUI = '[images.far]\nbackend = "comfyui+http://far"\n'


def test_workflows_of_a_comfyui_are_files_beside_this_one(tmp_path: Path) -> None:
    (tmp_path / "make.json").write_text(WORKFLOW % "")
    (tmp_path / "edit.json").write_text(WORKFLOW % "{{image}}")
    text = COMFYUI + f'workflow = "make.json"\nedit_workflow = "{tmp_path}/edit.json"\n'
    (far,) = read(text, tmp_path)
    alone = far.of(Settings())
    assert alone.comfyui_workflow == tmp_path / "make.json"
    assert alone.comfyui_edit_workflow == tmp_path / "edit.json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            COMFYUI + 'workflow = "none.json"\n',
            "images.far.workflow must be a workflow that can be used ([Errno 2] No such file or",
        ),
        (
            COMFYUI + 'edit_workflow = "make.json"\n',
            "images.far.edit_workflow must be a workflow that can be used (it must have {{image}} "
            "where the image belongs), got 'make.json'.",
        ),
        (
            '[images.far]\nbackend = "http://far"\nworkflow = "make.json"\n',
            "images.far.workflow must be left out with the backend 'http://far', no ComfyUI, got "
            "'make.json'.",
        ),
        (COMFYUI + "workflow = 3\n", "images.far.workflow must be a file, got 3."),
    ],
)
def test_a_workflow_that_cannot_be_used_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "make.json").write_text(WORKFLOW % "")
    with pytest.raises(ConfigError) as raised:
        read(text, tmp_path)
    assert message in raised.value.message


def test_flags_about_one_back_end_do_not_stand_beside_several() -> None:
    check_painters_are_the_file_s(Settings(config=Path("limner.toml"), steps=4))
    settings = Settings(config=Path("limner.toml"), model="tiny")
    with pytest.raises(ConfigError, match=r"--model .* describes one image back end, and --config"):
        check_painters_are_the_file_s(settings)

"""Templates of workflows: what becomes of placeholders, and which templates are refused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from limner.wire.comfyui_workflow import Value, Workflow, read_workflow


def workflow(*inputs: Any) -> Workflow:
    """One node with these inputs."""
    named = {f"in{k}": value for k, value in enumerate(inputs)}
    return read_workflow(orjson.dumps({"1": {"class_type": "Node", "inputs": named}}))


def inputs(filled: dict[str, Any]) -> list[Any]:
    return list(filled["1"]["inputs"].values())


def test_a_placeholder_becomes_the_value_itself() -> None:
    template = workflow("{{prompt}}", "{{seed}}", "{{guidance_scale|7}}", ["4", 0], 1, None)
    values: dict[str, Value | None] = {"prompt": "a cat", "seed": 5, "guidance_scale": 1.5}
    assert inputs(template.fill(values)) == ["a cat", 5, 1.5, ["4", 0], 1, None]
    assert template.names == {"prompt", "seed", "guidance_scale"}


def test_within_a_text_it_becomes_text() -> None:
    template = workflow("{{prompt}}, {{steps|8}} steps, {a|b}")
    assert inputs(template.fill({"prompt": "a {{seed}} cat"})) == ["a {{seed}} cat, 8 steps, {a|b}"]


def test_defaults_fill_what_is_not_asked() -> None:
    template = workflow("{{prompt}}", "{{model|sd 1.5}}", "{{steps|20}}", "{{steps}}")
    assert template.defaults == {"model": "sd 1.5", "steps": 20}
    assert inputs(template.fill({"prompt": "p", "model": None, "steps": None})) == [
        "p",
        "sd 1.5",
        20,
        20,
    ]
    assert inputs(template.fill({"prompt": "p", "steps": 4}))[1:] == ["sd 1.5", 4, 4]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[]", "must be a JSON object of nodes"),
        (b"{}", "must be a JSON object of nodes"),
        (b"{", "unexpected end"),
        (b'{"nodes": []}', r"Export \(API\)"),
        (b'{"1": []}', "node '1' must be an object with a class_type"),
        (b'{"1": {"inputs": {}}}', "node '1' must be"),
        (b'{"1": {"class_type": "N"}}', r"must have \{\{prompt\}\}"),
        (
            b'{"1": {"class_type": "{{sampler}}"}}',
            r"\{\{sampler\}\} is not known here; known are",
        ),
        (b'{"1": {"class_type": "{{prompt}}{{steps}}"}}', r"needs a default, such as \{\{steps\|8"),
        (b'{"1": {"class_type": "{{prompt|x}}"}}', r"\{\{prompt\}\} takes no default"),
        (b'{"1": {"class_type": "{{prompt}}{{steps|many}}"}}', "unexpected"),
        (b'{"1": {"class_type": "{{prompt}}{{steps|true}}"}}', "must be a number, got 'true'"),
        (b'{"1": {"class_type": "{{prompt}}{{steps|4}}{{steps|5}}"}}', "two different defaults"),
    ],
)
def test_a_template_that_cannot_work_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_workflow(text)


EDIT = b'{"1": {"class_type": "{{prompt}}{{image}}{{mask}}{{strength|0.75}}"}}'


def test_a_template_for_edits_has_a_place_for_the_picture() -> None:
    template = read_workflow(EDIT, edits=True)
    assert template.names == {"prompt", "image", "mask", "strength"}
    assert template.defaults == {"strength": 0.75}


@pytest.mark.parametrize(
    ("text", "edits", "why"),
    [
        (EDIT, False, r"\{\{image\}\} is not known here"),
        (b'{"1": {"class_type": "{{prompt}}"}}', True, r"must have \{\{image\}\}"),
        (b'{"1": {"class_type": "{{image}}"}}', True, r"must have \{\{prompt\}\}"),
        (EDIT.replace(b"mask", b"mask|m.png"), True, r"\{\{mask\}\} takes no default"),
        (EDIT.replace(b"|0.75", b""), True, r"\{\{strength\}\} needs a default"),
    ],
)
def test_templates_are_for_pictures_from_words_or_for_edits(
    text: bytes, edits: bool, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        read_workflow(text, edits=edits)

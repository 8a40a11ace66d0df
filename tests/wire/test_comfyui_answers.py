"""ComfyUI's answers over HTTP."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from limner.core.image import ImageFailed
from limner.wire.comfyui_answers import (
    OutputFile,
    read_checkpoints,
    read_comfyui_failure,
    read_history,
    read_is_running,
    read_queued,
)


def test_the_server_may_name_the_prompt() -> None:
    assert read_queued(b'{"prompt_id": "q", "number": 1}') == "q"
    assert isinstance(read_queued(b"{}"), ImageFailed)


def test_the_first_checkpoint_serves_who_names_none() -> None:
    assert read_checkpoints(b'["a.safetensors", "b.safetensors"]') == "a.safetensors"


@pytest.mark.parametrize("body", [b"[]", b"{}", b"[1]", b"oh"])
def test_a_server_without_checkpoints_is_said_so(body: bytes) -> None:
    failed = read_checkpoints(body)
    assert isinstance(failed, ImageFailed)
    assert "models/checkpoints" in failed.message


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ({"queue_running": [[4, "p", {}, {}, []]], "queue_pending": []}, True),
        ({"queue_running": [[3, "q", {}]], "queue_pending": [[4, "p", {}]]}, False),
        ({"queue_running": ["p"]}, False),
        ({"queue_running": "p"}, False),
        ({}, False),
    ],
)
def test_only_a_prompt_that_runs_is_running(queue: dict[str, Any], expected: bool) -> None:
    assert read_is_running(orjson.dumps(queue), "p") is expected


def test_a_saved_picture_goes_before_a_temporary_one() -> None:
    temporary = {"filename": "t.png", "subfolder": "", "type": "temp"}
    saved = {"filename": "s.png", "subfolder": "a", "type": "output"}
    outputs: dict[str, Any] = {"8": {"text": ["hm"]}, "9": {"images": [temporary, 5, {}]}}
    body = orjson.dumps({"p": {"outputs": outputs}})
    assert read_history(body, "p") == OutputFile("t.png", "", "temp")
    outputs["10"] = {"images": [saved]}
    body = orjson.dumps({"p": {"outputs": outputs}})
    assert read_history(body, "p") == OutputFile("s.png", "a", "output")


@pytest.mark.parametrize("body", [b"oh", b"{}", b'{"p": null}'])
def test_a_prompt_may_be_forgotten(body: bytes) -> None:
    failed = read_history(body, "p")
    assert isinstance(failed, ImageFailed)
    assert (failed.message, failed.retryable) == (
        "The image back end does not tell what became of the prompt",
        True,
    )


def test_a_workflow_that_failed_is_told_by_its_history_too() -> None:
    body = orjson.dumps({"p": {"outputs": {}, "status": {"status_str": "error"}}})
    failed = read_history(body, "p")
    assert isinstance(failed, ImageFailed)
    assert (failed.message, failed.retryable) == (
        "ComfyUI failed to run the workflow; its log says why",
        False,
    )


@pytest.mark.parametrize(
    "entry", [{}, {"outputs": []}, {"outputs": {"9": []}}, {"outputs": {"9": {}}}, {"status": {}}]
)
def test_a_workflow_without_a_picture_is_a_failure(entry: object) -> None:
    failed = read_history(orjson.dumps({"p": entry}), "p")
    assert isinstance(failed, ImageFailed)
    assert "SaveImage" in failed.message


def test_a_refused_workflow_says_which_inputs_are_wrong() -> None:
    fault = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "ckpt_name: 'x' not in ['a', 'b']",
    }
    body = {
        "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed"},
        "node_errors": {"4": {"errors": [fault, {"message": "and more"}, 5]}, "5": {}, "6": 7},
    }
    assert read_comfyui_failure(orjson.dumps(body), 400) == ImageFailed(
        "ComfyUI refused the workflow: Value not in list: ckpt_name: 'x' not in ['a', 'b']; "
        "and more",
        code="invalid_workflow",
        status=502,
    )


@pytest.mark.parametrize("errors", [{}, [], None])
def test_a_workflow_may_be_refused_as_a_whole(errors: object) -> None:
    error = {"type": "no_prompt", "message": "No prompt provided"}
    body = orjson.dumps({"error": error, "node_errors": errors})
    failed = read_comfyui_failure(body, 400)
    assert failed.message == "The image back end answered 502: No prompt provided"
    assert (failed.code, failed.status) == ("no_prompt", 502)


def test_other_refusals_are_told_by_their_status() -> None:
    failed = read_comfyui_failure(b"Bad Gateway", 503, retry_after_s=3)
    assert failed.message == "The image back end answered 503: Bad Gateway"
    assert (failed.retryable, failed.retry_after_s) == (True, 3)

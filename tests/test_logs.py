"""What a record looks like, for a person and for a machine."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator

import pytest

from limner import logs

log = logging.getLogger("limner.test")


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    logs._hidden.clear()


def test_a_line_for_a_person_has_the_facts_after_the_message() -> None:
    output = io.StringIO()
    logs.configure("text", "info", output)
    log.info("image completed", extra={"response_id": "resp_1", "seconds": 0.41234, "why": "a b"})
    log.debug("never shown")
    assert output.getvalue()[8:] == (
        ' INFO    image completed  response_id=resp_1 seconds=0.412 why="a b"\n'
    )


def test_a_line_for_a_machine_is_one_object() -> None:
    output = io.StringIO()
    logs.configure("json", "debug", output)
    log.warning("image %s", "failed", extra={"job_id": "7"})
    fields = json.loads(output.getvalue())
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "WARNING",
        "logger": "limner.test",
        "message": "image failed",
        "job_id": "7",
    }


@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_in_a_record_can_forge_a_line_or_command_a_terminal(format: logs.Format) -> None:
    output = io.StringIO()
    logs.configure(format, "info", output)
    log.info("one\n14:00:00 ERROR two \x1b[2J", extra={"path": "/\r\nthree"})
    assert output.getvalue().count("\n") == 1
    assert "\x1b" not in output.getvalue()
    assert "\r" not in output.getvalue()


def test_an_exception_is_written_whole_after_the_line() -> None:
    output = io.StringIO()
    logs.configure("json", "info", output)
    try:
        raise RuntimeError("out of paint")
    except RuntimeError:
        log.exception("tick failed")
    assert "RuntimeError: out of paint" in json.loads(output.getvalue())["exception"]


def test_records_of_the_engine_are_logged_again_under_their_own_name_and_level() -> None:
    child, parent = io.StringIO(), io.StringIO()
    logs.configure("json", "info", child)
    log.error("step failed", extra={"step": 3})
    logs.configure("json", "info", parent)
    logs.relay(child.getvalue())
    first, second = json.loads(child.getvalue()), json.loads(parent.getvalue())
    first.pop("time")
    second.pop("time")
    assert second == first


@pytest.mark.parametrize("line", ["Killed", "{}", "[1]", '{"level": 3}', '{"level": "LOUD"}'])
def test_what_the_engine_wrote_by_other_means_is_a_warning(line: str) -> None:
    output = io.StringIO()
    logs.configure("json", "info", output)
    logs.relay(line)
    fields = json.loads(output.getvalue())
    assert (fields["level"], fields["message"]) == ("WARNING", f"engine wrote: {line}")


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_line_shows_a_key_in_any_form(format: logs.Format) -> None:
    output = io.StringIO()
    logs.configure(format, "info", output)
    key = 'sk-"canary/42'
    logs.hide([key, "short", "sk-other-canary"])
    forms = [key, "sk-%22canary%2F42", base64.b64encode(key.encode()).decode()]
    log.info("asked with %s", forms, extra={"url": f"http://a/?key={forms[1]}", "short": "short"})
    try:
        raise ConnectionError(f"header was {key!r}")
    except ConnectionError:
        log.exception("failed", extra={"also": "sk-other-canary"})
    assert "canary" not in output.getvalue()
    assert forms[2].rstrip("=") not in output.getvalue()
    assert output.getvalue().count("***") >= 6
    assert "short" in output.getvalue()

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.core.errors import InvalidRequest
from limner.core.gate import STRIPPED, pass_gate
from limner.core.image_tool import GATE_MESSAGE
from limner.core.request import AllowedTools, Echo, ImageToolChoice
from tests.core.recorded import asking

ASKED = asking(tool_choice=ImageToolChoice(), echo=Echo(metadata={"a": "b"}))


def test_a_tool_that_is_on_stays() -> None:
    assert pass_gate(ASKED, "on") is ASKED


def test_a_tool_that_is_off_is_refused_with_the_words_of_the_gate() -> None:
    with pytest.raises(InvalidRequest) as refused:
        pass_gate(ASKED, "off")
    error = refused.value
    assert (error.message, error.code) == (GATE_MESSAGE, "image_generation_disabled")
    assert (error.status, error.param) == (400, "tools[0]")


@pytest.mark.parametrize("mode", ["on", "off", "strip"])
def test_a_request_without_the_tool_is_let_through_as_it_is(mode: str) -> None:
    plain = asking(image_tool=None)
    assert pass_gate(plain, mode) is plain  # type: ignore[arg-type]


def test_a_stripped_tool_leaves_a_note_in_adjustments_and_metadata() -> None:
    passed = pass_gate(ASKED, "strip")
    assert passed.image_tool is None
    assert passed.tool_choice == "auto"
    assert passed.adjustments == (
        "The tool image_generation was taken out of the request, as this server's operator "
        "decided.",
    )
    assert passed.echo.metadata == {"a": "b", STRIPPED: "stripped"}


def test_what_else_was_chosen_stays_where_the_tool_is_stripped() -> None:
    allowed = AllowedTools(frozenset({"f"}), image_tool=True, required=True)
    passed = pass_gate(replace(ASKED, tool_choice=allowed), "strip")
    assert passed.tool_choice == replace(allowed, image_tool=False)
    assert pass_gate(replace(ASKED, tool_choice="required"), "strip").tool_choice == "required"


def test_metadata_that_are_full_are_left_as_they_are() -> None:
    full = {str(number): "x" for number in range(16)}
    passed = pass_gate(replace(ASKED, echo=Echo(metadata=full)), "strip")
    assert passed.echo.metadata == full
    assert passed.adjustments

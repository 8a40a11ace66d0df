from __future__ import annotations

from dataclasses import replace

import pytest

from limner.core.errors import InvalidRequest
from limner.core.fitting import pass_image_tool
from limner.core.gate import STRIPPED, ImageToolMode, pass_gate
from limner.core.image_tool import GATE_MESSAGE
from limner.core.request import AllowedTools, ClientChoice, Echo, ImageToolChoice
from limner.core.turn import FunctionTool, UpstreamCapabilities
from tests.core.recorded import asking

PLAIN = UpstreamCapabilities("plain")
OPENAI = UpstreamCapabilities("openai", hosted_tools=True, native_image_tool=True)
ECHO = Echo(tools=({"type": "image_generation", "size": "auto"},), metadata={"a": "b"})
ASKED = asking(tool_choice=ImageToolChoice(), echo=ECHO)


def test_a_tool_that_is_on_stays() -> None:
    assert pass_gate(ASKED, "on", PLAIN, can_paint=True) is ASKED


def test_a_tool_that_is_off_is_refused_with_the_words_of_the_gate() -> None:
    with pytest.raises(InvalidRequest) as refused:
        pass_gate(ASKED, "off", PLAIN, can_paint=True)
    error = refused.value
    assert (error.message, error.code) == (GATE_MESSAGE, "image_generation_disabled")
    assert (error.status, error.param) == (400, "tools[0]")


@pytest.mark.parametrize("mode", ["on", "off", "passthrough", "strip"])
def test_a_request_without_the_tool_is_let_through_as_it_is(mode: ImageToolMode) -> None:
    plain = asking(image_tool=None)
    assert pass_gate(plain, mode, PLAIN, can_paint=True) is plain


def test_a_tool_is_passed_to_an_upstream_that_has_its_own() -> None:
    assert pass_gate(ASKED, "passthrough", OPENAI, can_paint=True) == pass_image_tool(ASKED)


def test_where_nothing_else_paints_a_model_with_the_tool_runs_it() -> None:
    assert pass_gate(ASKED, "on", OPENAI, can_paint=True) is ASKED
    assert pass_gate(ASKED, "on", OPENAI, can_paint=False) == pass_image_tool(ASKED)
    assert pass_gate(ASKED, "on", PLAIN, can_paint=False) is ASKED  # for the run to refuse


def test_a_tool_is_not_passed_to_an_upstream_that_has_none() -> None:
    with pytest.raises(InvalidRequest, match="has no image tool of its own") as refused:
        pass_gate(ASKED, "passthrough", PLAIN, can_paint=True)
    assert (refused.value.param, refused.value.code) == ("tools[0]", "image_generation_disabled")


def test_a_stripped_tool_leaves_a_note_in_adjustments_and_metadata() -> None:
    passed = pass_gate(ASKED, "strip", PLAIN, can_paint=True)
    assert passed.image_tool is None
    assert passed.tool_choice == "auto"
    assert passed.adjustments == (
        "The tool image_generation was taken out of the request, as this server's operator "
        "decided.",
    )
    assert passed.echo.metadata == {"a": "b", STRIPPED: "stripped"}


@pytest.mark.parametrize(
    ("functions", "asked", "left"),
    [
        ((), "required", "auto"),
        ((FunctionTool("f"),), "required", "required"),
        ((), "none", "none"),
        (
            (FunctionTool("f"),),
            AllowedTools(frozenset({"f"}), image_tool=True, required=True),
            AllowedTools(frozenset({"f"}), image_tool=False, required=True),
        ),
        (
            (FunctionTool("f"),),
            AllowedTools(frozenset(), image_tool=True, required=True),
            AllowedTools(frozenset(), image_tool=False, required=False),
        ),
    ],
)
def test_a_choice_demands_no_more_than_is_left_to_call(
    functions: tuple[FunctionTool, ...], asked: ClientChoice, left: ClientChoice
) -> None:
    request = replace(ASKED, functions=functions, tool_choice=asked)
    assert pass_gate(request, "strip", PLAIN, can_paint=True).tool_choice == left


def test_metadata_that_are_full_are_left_as_they_are() -> None:
    full = {str(number): "x" for number in range(16)}
    passed = pass_gate(replace(ASKED, echo=Echo(metadata=full)), "strip", PLAIN, can_paint=True)
    assert passed.echo.metadata == full
    assert passed.adjustments

"""What an upstream does by itself: its items and events reach the client, and come back to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.events import ImageCallItem, MessageItem, OpaqueEvent, OpaqueItem
from limner.core.fitting import fit, pass_image_tool
from limner.core.image import ImageCompleted, ImageFailed
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    Opaque,
    Reasoning,
    TextPart,
)
from limner.core.request import AllowedTools, HostedTool, ImageTool, ImageToolChoice
from limner.core.turn import (
    AnnotationAdded,
    FunctionTool,
    HostedChoice,
    MessageEnded,
    OpaqueEnded,
    OpaqueProgress,
    OpaqueStarted,
    PictureEnded,
    PicturePreview,
    PictureStarted,
    Sampling,
    TextDelta,
    TurnEnded,
    UpstreamCapabilities,
)
from tests.core.recorded import CAT, RESOLVED, USER, Recorded, asking, draw, painted, preview

SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "in_progress"}
FOUND = {**SEARCH, "status": "completed", "action": {"type": "search", "query": "cats"}}
SOURCE = {"type": "url_citation", "url": "https://example.org"}
THOUGHT = {"id": "rs_9", "type": "reasoning", "summary": [], "encrypted_content": "abc"}
WEB = HostedTool("tools[0]", {"type": "web_search"})
PLAIN = UpstreamCapabilities("plain")
OPENAI = UpstreamCapabilities("openai", hosted_tools=True, encrypted_reasoning=True)


def searches(key: str = "0") -> tuple[OpaqueStarted, OpaqueProgress, OpaqueEnded]:
    return (
        OpaqueStarted(key, SEARCH),
        OpaqueProgress(key, "response.web_search_call.searching", {"note": 1}),
        OpaqueEnded(key, FOUND),
    )


def test_an_item_of_the_upstream_is_numbered_among_ours() -> None:
    recorded = Recorded()
    said = recorded.feed(TextDelta("Let me look."), *searches(), TextDelta("Found."), TurnEnded())
    assert said == [
        "added #0 message",
        "part added #0/0",
        "text #0/0 Let me look.",
        "text done #0/0 Let me look.",
        "part done #0/0",
        "done #0 message completed",
        "added #1 web_search_call",
        "response.web_search_call.searching #1",
        "done #1 web_search_call completed",
        "added #2 message",
        "part added #2/0",
        "text #2/0 Found.",
        "text done #2/0 Found.",
        "part done #2/0",
        "done #2 message completed",
        "COMPLETED",
    ]
    assert recorded.response.output[1] == OpaqueItem("ws_1", FOUND)
    event = next(e for e in recorded.events if isinstance(e, OpaqueEvent))
    assert (event.item_id, event.output_index, event.fields) == ("ws_1", 1, {"note": 1})
    numbers = [event.sequence_number for event in recorded.events]  # type: ignore[union-attr]
    assert numbers == list(range(len(numbers)))


def test_an_id_that_is_taken_or_missing_is_replaced() -> None:
    recorded = Recorded()
    recorded.feed(*searches("0"), *searches("1"))
    recorded.feed(OpaqueStarted("2", {"type": "x"}), OpaqueEnded("2", {"type": "x"}), TurnEnded())
    ids = [item.id for item in recorded.response.output]
    assert ids == ["ws_1", "item_1", "item_2"]
    assert recorded.response.output[2].status == "completed"


def test_an_event_about_no_item_has_only_a_number() -> None:
    recorded = Recorded()
    assert recorded.feed(OpaqueProgress(None, "response.news", {})) == ["response.news"]


def test_items_still_open_at_the_end_are_closed() -> None:
    recorded = Recorded()
    recorded.feed(OpaqueStarted("0", SEARCH), OpaqueStarted("1", {"type": "x"}), TurnEnded())
    assert [item.status for item in recorded.response.output] == ["incomplete", "completed"]


def test_sources_belong_to_the_part_of_text_that_they_were_given_for() -> None:
    recorded = Recorded()
    said = recorded.feed(
        TextDelta("a"),
        AnnotationAdded(SOURCE),
        AnnotationAdded(SOURCE),
        MessageEnded(),
        MessageEnded(),
        AnnotationAdded(SOURCE),
        TurnEnded(),
    )
    assert [line for line in said if "annotation" in line] == [
        "annotation #0/0 0",
        "annotation #0/0 1",
        "annotation #1/0 0",
    ]
    first, second = recorded.response.output
    assert isinstance(first, MessageItem)
    assert isinstance(second, MessageItem)
    assert first.parts == (TextPart("a", (SOURCE, SOURCE)),)
    assert second.parts == (TextPart("", (SOURCE,)),)


def test_the_upstream_gets_its_thoughts_back_right_before_their_calls() -> None:
    recorded = Recorded()
    recorded.feed(
        OpaqueStarted("r", THOUGHT),
        OpaqueEnded("r", THOUGHT),
        *draw("0"),
        *searches("s"),
        *draw("1", "a dog"),
        TurnEnded(),
    )
    recorded.feed(painted())
    recorded.feed(painted())
    user, thought, call, search, other, *outputs = recorded.turn.items
    assert user == USER
    assert thought == Opaque(THOUGHT)
    assert isinstance(call, FunctionCall)
    assert search == Opaque(FOUND)
    assert isinstance(other, FunctionCall)
    assert [type(item) for item in outputs[:2]] == [FunctionCallOutput, FunctionCallOutput]


def test_outputs_are_in_the_order_of_their_calls_also_where_one_was_refused() -> None:
    recorded = Recorded()
    recorded.feed(*draw("0", name="unknown"), *draw("1"), TurnEnded())
    recorded.feed(painted())
    items = recorded.turn.items
    calls = [item.call_id for item in items if isinstance(item, FunctionCall)]
    outputs = [item.call_id for item in items if isinstance(item, FunctionCallOutput)]
    assert calls == outputs == ["call_1", "call_0"]


def test_a_call_that_the_client_must_answer_ends_the_response() -> None:
    recorded = Recorded()
    custom = {"id": "ct_1", "type": "custom_tool_call", "call_id": "c", "name": "n", "input": "x"}
    recorded.feed(OpaqueStarted("c", custom), OpaqueEnded("c", custom, is_for_client=True))
    recorded.feed(*draw("0"), TurnEnded())
    recorded.feed(painted())
    assert recorded.response.status == "completed"


def test_a_picture_of_the_upstream_itself_is_shown_as_ours_are() -> None:
    recorded = Recorded()
    said = recorded.feed(
        PictureStarted("p"),
        PicturePreview("p", preview()),
        PictureEnded("p", ImageCompleted(CAT, RESOLVED), "a cat, sitting", "edit"),
        PictureStarted("q"),
        PictureEnded("q", ImageFailed("no", code="moderation_blocked"), "a dog"),
        TurnEnded(),
    )
    assert said == [
        "added #0 image",
        "image in_progress #0",
        "image generating #0",
        "partial image #0 0",
        "image completed #0",
        "done #0 image completed",
        "added #1 image",
        "image in_progress #1",
        "image generating #1",
        "done #1 image failed",
        "COMPLETED",
    ]
    done, failed = recorded.response.output
    assert isinstance(done, ImageCallItem)
    assert (done.image, done.revised_prompt, done.action) == (CAT, "a cat, sitting", "edit")
    assert isinstance(failed, ImageCallItem)
    assert failed.error is not None
    assert failed.error.code == "moderation_blocked"


def test_the_upstreams_own_pictures_and_calls_are_not_replayed_as_ours() -> None:
    recorded = Recorded()
    recorded.feed(
        PictureStarted("p"),
        PictureEnded("p", ImageCompleted(CAT, RESOLVED), "a cat"),
        *draw("0", name="unknown"),
        TurnEnded(),
    )
    call, output = recorded.turn.items[1:]
    assert isinstance(call, FunctionCall)
    assert isinstance(output, FunctionCallOutput)


def test_hosted_tools_go_to_the_upstream_with_what_is_left_of_the_calls() -> None:
    request = asking(hosted_tools=(WEB,), include=("x",), max_tool_calls=3)
    recorded = Recorded(request)
    assert recorded.turn.hosted_tools == ({"type": "web_search"},)
    assert (recorded.turn.include, recorded.turn.max_tool_calls) == (("x",), 3)
    recorded.feed(*searches(), *draw("0"), TurnEnded())
    recorded.feed(painted())
    assert recorded.turn.max_tool_calls == 1
    recorded.feed(*draw("1"), TurnEnded())
    recorded.feed(painted())
    last = recorded.turn
    assert (last.hosted_tools, last.max_tool_calls) == ((), None)


def test_a_hosted_choice_holds_for_the_first_turn() -> None:
    choice = HostedChoice({"type": "web_search"})
    recorded = Recorded(asking(hosted_tools=(WEB,), tool_choice=choice))
    assert recorded.turn.tool_choice == choice
    recorded.feed(*draw("0"), TurnEnded())
    recorded.feed(painted())
    second = recorded.turn
    assert second.tool_choice == "auto"


def test_allowed_tools_hold_for_hosted_ones() -> None:
    mcp = [
        HostedTool(f"tools[{i}]", {"type": "mcp", "server_label": str(i), "url": "u"})
        for i in range(2)
    ]
    allowed = AllowedTools(
        frozenset(),
        image_tool=False,
        required=True,
        hosted=(HostedTool("tool_choice.tools[0]", {"type": "mcp", "server_label": "1"}),),
    )
    turn = Recorded(asking(image_tool=None, hosted_tools=(WEB, *mcp), tool_choice=allowed)).turn
    assert turn.hosted_tools == (mcp[1].value,)
    assert turn.tool_choice == "required"


def test_items_of_others_in_the_input_pass_through() -> None:
    recorded = Recorded(asking(items=(Opaque(FOUND), Reasoning("r"), USER)))
    assert recorded.turn.items == (Opaque(FOUND), Reasoning("r"), USER)


# What an upstream cannot take


def test_a_request_that_fits_stays_as_it_is() -> None:
    request = asking(hosted_tools=(WEB,), include=("reasoning.encrypted_content",))
    assert fit(request, OPENAI) is request
    plain = asking()
    assert fit(plain, PLAIN) == plain


def test_what_does_not_fit_is_left_out_and_reported() -> None:
    request = asking(
        hosted_tools=(WEB,),
        include=("x", "reasoning.encrypted_content"),
        sampling=Sampling(reasoning_summary="auto"),
        tool_choice=AllowedTools(
            frozenset(),
            image_tool=True,
            required=True,
            hosted=(HostedTool("tool_choice.tools[1]", WEB.value),),
        ),
    )
    fitted = fit(request, PLAIN)
    assert fitted.hosted_tools == ()
    assert fitted.include == ()
    assert fitted.sampling == Sampling()
    assert fitted.tool_choice == AllowedTools(frozenset(), image_tool=True, required=True)
    assert [adjustment.split(":")[0] for adjustment in fitted.adjustments] == [
        "include[1]",
        "tools[0]",
        "reasoning.summary",
        "tool_choice.tools[1]",
    ]


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"items": (USER, Opaque(FOUND))}, "input[1].type"),
        ({"tool_choice": HostedChoice(WEB.value)}, "tool_choice"),
        ({"tool_choice": "required", "image_tool": None}, "tool_choice"),
        (
            {
                "tool_choice": AllowedTools(
                    frozenset(), image_tool=False, required=True, hosted=(WEB,)
                )
            },
            "tool_choice.tools",
        ),
    ],
)
def test_what_cannot_be_left_out_is_refused(settings: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        fit(asking(hosted_tools=(WEB,), **settings), PLAIN)
    assert refused.value.param == param


def test_required_needs_only_some_function() -> None:
    request = asking(image_tool=None, functions=(FunctionTool("f"),), tool_choice="required")
    assert fit(request, PLAIN) == request


def test_the_image_tool_can_be_left_to_the_upstream() -> None:
    tool = {"type": "image_generation", "quality": "low"}
    request = asking(image_tool=ImageTool(0, declared=tool), tool_choice=ImageToolChoice())
    passed = pass_image_tool(request)
    assert passed.image_tool is None
    assert passed.hosted_tools == (HostedTool("tools", tool),)
    assert passed.tool_choice == HostedChoice({"type": "image_generation"})
    allowed = AllowedTools(frozenset(), image_tool=True, required=False)
    turn = Recorded(pass_image_tool(replace(request, tool_choice=allowed))).turn
    assert turn.hosted_tools == (tool,)
    assert turn.tools == ()
    without = asking(image_tool=None)
    assert pass_image_tool(without) is without
    assert pass_image_tool(asking()).tool_choice == "auto"

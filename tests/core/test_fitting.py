"""Requests with items and tools of all kinds, before upstreams of both kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.core.errors import InvalidRequest
from limner.core.fitting import fit, pass_image_tool
from limner.core.items import Item, Opaque
from limner.core.request import Echo, HostedTool, ImageTool
from limner.core.turn import Sampling, UpstreamCapabilities
from tests.core.recorded import USER, asking

PLAIN = UpstreamCapabilities("plain")
OPENAI = UpstreamCapabilities("openai", hosted_tools=True)
SEARCH = Opaque({"type": "tool_search_call", "id": "ts_1"})
FOUND = Opaque({"type": "tool_search_output", "tools": []})
BROUGHT = Opaque({"type": "additional_tools", "role": "developer", "tools": [{"type": "shell"}]})
EMPTY = Opaque({"type": "additional_tools", "role": "developer", "tools": []})
FOREIGN = Opaque({"type": "web_search_call", "id": "ws_1"})
SQL = {"type": "custom", "name": "sql"}


def test_items_that_only_tell_of_tools_are_kept_from_a_model_that_does_not_know_them() -> None:
    request = asking(items=(BROUGHT, USER, SEARCH, FOUND, USER), past=2)
    fitted = fit(request, PLAIN)
    assert fitted.items == (USER, USER)
    assert fitted.past == 1
    assert fitted.adjustments == ()
    assert fit(request, OPENAI).items == request.items


def test_an_item_that_brought_the_image_tool_alone_is_kept_from_every_model() -> None:
    request = asking(items=(EMPTY, USER, FOUND, EMPTY, USER), past=2)
    fitted = fit(request, OPENAI)
    assert (fitted.items, fitted.past) == ((USER, FOUND, USER), 1)


@pytest.mark.parametrize(
    ("echo", "index", "param"),
    [
        (Echo(), 1, "input[0].type"),
        (Echo(previous_response_id="resp_1"), 0, "previous_response_id"),
        (Echo(conversation="conv_1"), 0, "conversation"),
    ],
)
def test_an_item_that_a_model_does_not_know_is_named_where_the_client_named_it(
    echo: Echo, index: int, param: str
) -> None:
    items: list[Item] = [USER, USER]
    items[index] = FOREIGN
    with pytest.raises(InvalidRequest) as caught:
        fit(asking(items=tuple(items), past=1, echo=echo), PLAIN)
    assert (caught.value.param, caught.value.code) == (param, "invalid_value")


def test_tools_that_items_bring_are_told_once_to_an_upstream_that_reads_items() -> None:
    own, brought = HostedTool("tools[0]", SQL), HostedTool("input[0].tools[0]", SQL)
    request = asking(hosted_tools=(own, brought))
    assert fit(request, OPENAI).hosted_tools == (own,)
    assert [said.partition(":")[0] for said in fit(request, PLAIN).adjustments] == [
        "tools[0]",
        "input[0].tools[0]",
    ]


@pytest.mark.parametrize("can", [PLAIN, OPENAI, replace(OPENAI, encrypted_reasoning=True)])
def test_what_fits_once_fits_again(can: UpstreamCapabilities) -> None:
    request = asking(
        items=(BROUGHT, USER),
        hosted_tools=(HostedTool("input[0].tools[0]", SQL),),
        include=("x", "reasoning.encrypted_content"),
    )
    fitted = fit(request, can)
    assert fit(fitted, can) == fitted


def test_an_image_tool_that_an_item_declared_can_be_left_to_the_upstream() -> None:
    entry = {"type": "image_generation", "size": "auto"}
    request = asking(image_tool=ImageTool(0, path="input[0].tools[0]", declared=entry))
    assert fit(pass_image_tool(request), OPENAI).hosted_tools == (HostedTool("tools", entry),)


def test_a_seed_does_not_go_to_an_upstream_that_knows_no_such_field() -> None:
    passed = pass_image_tool(asking(image_tool=ImageTool(0, path="tools[2]", seed=7)))
    assert passed.adjustments == (
        "tools[2].seed: left out, the language model's own server paints.",
    )


LIKELY = ("reasoning.encrypted_content", "message.output_text.logprobs")


def test_log_probabilities_are_asked_only_of_models_that_tell_them() -> None:
    sampling = Sampling(logprobs=True, top_logprobs=2)
    request = asking(include=LIKELY, sampling=sampling)
    fitted = fit(request, PLAIN)
    assert (fitted.include, fitted.sampling) == ((), Sampling())
    assert fitted.adjustments == (
        "include[0]: reasoning is returned as plain text where the model shows it.",
        "include[1]: log probabilities are not returned with this language model.",
    )
    told = fit(request, replace(PLAIN, logprobs=True))
    assert (told.include, told.sampling) == ((), sampling)
    assert len(told.adjustments) == 1
    whole = fit(request, replace(OPENAI, logprobs=True, encrypted_reasoning=True))
    assert (whole.include, whole.sampling, whole.adjustments) == (LIKELY, sampling, ())

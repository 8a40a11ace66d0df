from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import ConfigError, InvalidRequest
from limner.core.routing import MAX_LISTED, Route, Routes, Target, model_not_found

ROUTES = Routes(
    [
        Route("a", ("qwen3", "llama-3.1"), {"fast": "qwen3"}),
        Route("b", patterns=("llama-*", "gpt-*-mini")),
        Route("c", patterns=("gpt-*", "*-3.1")),
    ]
)


@pytest.mark.parametrize(
    ("asked", "upstream", "model"),
    [
        ("qwen3", "a", "qwen3"),
        ("fast", "a", "qwen3"),
        ("llama-3.1", "a", "llama-3.1"),  # a name before any pattern
        ("llama-4", "b", "llama-4"),
        ("gpt-5-mini", "b", "gpt-5-mini"),  # the pattern that says more
        ("gpt-5", "c", "gpt-5"),
        ("llama-x-3.1", "b", "llama-x-3.1"),
    ],
)
def test_a_name_wins_over_an_alias_and_that_over_the_most_specific_pattern(
    asked: str, upstream: str, model: str
) -> None:
    assert ROUTES.find(asked) == Target(upstream, model)


def test_of_two_patterns_that_say_as_much_the_earlier_one_wins() -> None:
    assert Routes([Route("a", patterns=("*b",)), Route("b", patterns=("a*",))]).find("ab") == (
        Target("a", "ab")
    )


def test_only_the_star_is_special() -> None:
    routes = Routes([Route("a", patterns=("m[1].?*",))])
    assert routes.find("m[1].?x").upstream == "a"
    with pytest.raises(InvalidRequest):
        routes.find("m1ax")


def test_an_upstream_that_names_nothing_serves_what_no_other_does() -> None:
    routes = Routes([Route("rest"), Route("a", ("x",))])
    assert routes.find("x").upstream == "a"
    assert routes.find("anything\nelse").upstream == "rest"


def test_a_model_that_is_nowhere_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        ROUTES.find("mistral")
    error = refused.value
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")
    assert error.message == "There is no model 'mistral' here, but qwen3, llama-3.1, fast."


def test_a_refusal_repeats_no_more_than_a_reader_bears() -> None:
    long = model_not_found("x" * 1000, map(str, range(MAX_LISTED + 1))).message
    assert long.endswith("18, 19, ….")
    assert "x" * 201 not in long
    assert model_not_found("x", ()).message == (
        "There is no model 'x' here; GET /v1/models lists what is."
    )


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        (
            [Route("a", ("x",)), Route("b", aliases={"x": "y"})],
            "the model 'x' is named twice, by a and b; only one may have it",
        ),
        (
            [Route("a", ("x",), {"x": "y"})],
            "the model 'x' is named twice, by a; only one may have it",
        ),
        (
            [Route("a"), Route("b")],
            "the pattern '*' is named twice, by a and b; only one may have it",
        ),
    ],
)
def test_two_upstreams_cannot_claim_the_same(routes: list[Route], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Routes(routes)
    assert refused.value.message == message


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_a_star_stands_for_any_text(before: str, between: str, after: str) -> None:
    routes = Routes([Route("a", patterns=(f"{before}*{after}",))])
    assert routes.find(before + between + after).upstream == "a"


@pytest.mark.parametrize(
    ("model", "upstream", "leads"),
    [
        ("qwen3", "a", True),
        ("fast", "a", False),  # it reaches that upstream under another name
        ("gpt-5", "c", True),
        ("gpt-5-mini", "c", False),
        ("nowhere", "a", False),
    ],
)
def test_it_is_known_whether_a_name_leads_to_an_upstream(
    model: str, upstream: str, leads: bool
) -> None:
    assert ROUTES.leads(model, upstream) is leads

"""How long a server is waited for, as a flag says it."""

from __future__ import annotations

import pytest

from limner.config import Settings, load
from limner.config.patience import CircuitLimits, Timeouts
from limner.core.errors import ConfigError


def test_what_a_flag_leaves_out_keeps_its_default() -> None:
    settings = load({"llm_timeouts": "connect=0.5, total=60", "llm_circuit": "failures=0"}, {})
    assert settings.llm_timeouts == Timeouts(0.5, 300, 120, 60)
    assert settings.llm_circuit == CircuitLimits(0, 15)
    assert load({}, {"LIMNER_LLM_CIRCUIT": "rest=2.5"}).llm_circuit == CircuitLimits(5, 2.5)


def test_what_is_shown_can_be_given() -> None:
    shown = str(Timeouts(0.25, 1, 2, 3)), str(CircuitLimits(7, 90))
    settings = load(dict(zip(("llm_timeouts", "llm_circuit"), shown, strict=True)), {})
    assert (str(settings.llm_timeouts), str(settings.llm_circuit)) == shown


@pytest.mark.parametrize(
    "given",
    ["", "60", "total", "total=", "total=0", "totl=1", "total=1,", "total=1,total=2", "total=nan"],
)
def test_anything_else_is_refused_with_what_is_accepted(given: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"llm_timeouts": given}, {})
    second = "(a number from 0.001 to 86400)"
    assert refused.value.message == (
        f"--llm-timeouts must be one or more of connect {second}, first_byte {second}, "
        f"idle {second}, total {second}, as in connect=10,first_byte=300,idle=120,total=1800, "
        f"got {given!r}."
    )


def test_failures_are_counted_in_whole_numbers() -> None:
    with pytest.raises(ConfigError, match="failures \\(a whole number from 0 to 1000\\)"):
        load({"llm_circuit": "failures=1.5"}, {})


def test_beside_a_file_the_file_says_it() -> None:
    with pytest.raises(ConfigError, match=r"--llm-circuit .* describes one language model"):
        load({"config": "limner.toml", "llm_circuit": "rest=1"}, {})
    assert load({"config": "limner.toml"}, {}).llm_timeouts == Settings().llm_timeouts

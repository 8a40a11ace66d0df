"""docs/conformance.md: the table of the cells. As a program it plays them all and writes the page
from what it saw, if that is what must be.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.conformance.dialects import KINDS, Kind
from tests.conformance.play import play_both
from tests.conformance.promises import PROMISES
from tests.conformance.scenario import Scenario, Seen, as_seen_by, expected_of
from tests.conformance.scenarios import SCENARIOS

SeenOf = Callable[[Scenario, Kind], Seen]

PAGE = Path("docs/conformance.md")
CELLS = tuple(
    (scenario, kind)
    for scenario in SCENARIOS
    for kind in KINDS
    if kind.name not in scenario.without
)
HEAD = """\
# Conformance

What a client sees over each kind of upstream. Every cell is a test over real HTTP: a client,
Limner, and a scripted server of that dialect, each on a socket of its own. Every request is made
twice, streamed and whole, and must come to the same; what the scripted server is asked must keep
its dialect's rules about calls and answers. `make conformance` plays them all and writes this page.

✓ as described below · ≠ otherwise, as described below · – does not apply
"""
NOTES = """
`intent`, the built-in rules, has no server that could fail; it calls the tool at most once for a
message, and nothing but the tool. `harmony` and `intent` are shown no pictures: they read in words
that one was painted. `prompted` is a model without function calling behind a Chat Completions
server: it is told in words how to write a call into its text, and what it writes there is read.

## What clients may rely on

Each of these is asked of `limner serve` itself, over every kind of upstream where that matters.
Where Open Responses and OpenAI's API differ, OpenAI's libraries are served: a response with a
picture, or with reasoning in its stream (`response.reasoning_text.delta`), is outside the schemas
of Open Responses.

| promise | tests |
|---|---|
{promises}

## The scenarios
"""


def page(seen_of: SeenOf) -> str:
    """The whole page. seen_of: what a cell came to."""
    names = [kind.name for kind in KINDS]
    table = [_row(["scenario", *names]), "|---|" + ":-:|" * len(names)]
    for scenario in SCENARIOS:
        table.append(_row([scenario.name, *(_mark(scenario, kind, seen_of) for kind in KINDS)]))
    described = [line for scenario in SCENARIOS for line in _described(scenario, seen_of)]
    promises = "\n".join(_row([words, _linked(tests)]) for words, tests in PROMISES)
    return "\n".join([HEAD, *table, NOTES.format(promises=promises), *described, ""])


def _linked(tests: tuple[str, ...]) -> str:
    """One link for each file."""
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return ", ".join(f"[{Path(file).name}](../tests/{file})" for file in files)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(scenario: Scenario, kind: Kind, seen_of: SeenOf) -> str:
    if kind.name in scenario.without:
        return "–"
    return "✓" if _is_usual(scenario, kind, seen_of) else "≠"


def _is_usual(scenario: Scenario, kind: Kind, seen_of: SeenOf) -> bool:
    return seen_of(scenario, kind) == as_seen_by(kind, scenario.expected)


def _described(scenario: Scenario, seen_of: SeenOf) -> Iterator[str]:
    yield f"- **{scenario.name}.** {scenario.about}"
    yield f"  - {_told(scenario.expected)}"
    for kind in KINDS:
        if kind.name not in scenario.without and not _is_usual(scenario, kind, seen_of):
            yield f"  - `{kind.name}`: {_told(seen_of(scenario, kind))}"


def _told(seen: Seen) -> str:
    facts = [f"`{seen.status}`" + (f": {', '.join(seen.output)}" if seen.output else "")]
    if seen.previews:
        facts.append(f"{seen.previews} previews in the stream")
    if seen.forced:
        facts.append(f"{_counted(seen.forced, 'request')} left the model no choice")
    if seen.read:
        outcomes = ", ".join("ok" if is_ok else "failed" for is_ok in seen.read)
        facts.append(f"the model has read: {outcomes}")
    if seen.shown:
        facts.append(f"has been shown {_counted(seen.shown, 'picture')}")
    return "; ".join(facts)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


async def _play_all() -> dict[tuple[str, str], Seen]:
    return {(scenario.name, kind.name): await play_both(scenario, kind) for scenario, kind in CELLS}


def main() -> int:
    logging.disable()
    seen = asyncio.run(_play_all())
    wrong = [cell for cell in CELLS if seen[cell[0].name, cell[1].name] != expected_of(*cell)]
    for scenario, kind in wrong:
        print(f"{scenario.name}, {kind.name}: {seen[scenario.name, kind.name]}", file=sys.stderr)
        print(f"  must be {expected_of(scenario, kind)}", file=sys.stderr)
    if not wrong:
        PAGE.write_text(page(lambda scenario, kind: seen[scenario.name, kind.name]), "utf-8")
        print(f"{PAGE}: {len(CELLS)} cells, all as they must be")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

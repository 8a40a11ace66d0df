"""What a check finds, and what all findings together mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "skipped", "warning", "failure"]

_CODES: dict[State, int] = {"ok": 0, "skipped": 0, "warning": 1, "failure": 2}
_COLUMN = 16


@dataclass(frozen=True, slots=True)
class Verdict:
    """remedy: what to do about it; every warning and every failure has one."""

    check: str
    state: State
    message: str
    remedy: str | None = None


def ok(check: str, message: str) -> Verdict:
    return Verdict(check, "ok", message)


def skipped(check: str, message: str) -> Verdict:
    return Verdict(check, "skipped", message)


def warning(check: str, message: str, remedy: str) -> Verdict:
    return Verdict(check, "warning", message, remedy)


def failure(check: str, message: str, remedy: str) -> Verdict:
    return Verdict(check, "failure", message, remedy)


def refused(check: str, message: str, remedy: str) -> Verdict:
    """A failure in the words of an error, whose further sentences say what to do, else `remedy`."""
    what, _, advice = message.partition(". ")
    return failure(check, what.removesuffix("."), advice or remedy)


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """0: nothing to do. 1: warnings. 2: failures."""
    return max((_CODES[verdict.state] for verdict in verdicts), default=0)


def as_text(verdicts: Sequence[Verdict]) -> str:
    """Two columns for a person, the remedies under what they are for, and the sum."""
    lines = []
    for verdict in verdicts:
        lines.append(f"{verdict.state:<9}{verdict.check:<{_COLUMN}} {verdict.message}")
        if verdict.remedy:
            lines.append(f"{'':<9}{'':<{_COLUMN}} -> {verdict.remedy}")
    return "\n".join((*lines, "", _sum(verdicts)))


def as_json(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """The same for a machine."""
    return {
        "exit_code": exit_code(verdicts),
        "checks": [asdict(verdict) for verdict in verdicts],
    }


def _sum(verdicts: Sequence[Verdict]) -> str:
    states = [verdict.state for verdict in verdicts]
    failures, warnings = states.count("failure"), states.count("warning")
    if not failures and not warnings:
        return "Nothing is in the way."
    return f"{_count(failures, 'failure')}, {_count(warnings, 'warning')}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"

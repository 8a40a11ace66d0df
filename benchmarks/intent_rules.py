"""How well the built-in rules tell orders from talk: `python benchmarks/intent_rules.py [-v]`.

Prints, for the utterances on which the rules were tuned and for both parts held out, the confusion
table, precision and recall of each kind, and of "some picture is wanted" against "talk", in all
languages and in each. `docs/intent.md` shows what it prints for those held out.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from limner.upstreams.intent_rules import (
    NAMES,
    Decision,
    Language,
    language_of,
    load_languages,
)

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "upstreams" / "utterances"
KINDS = ("draw", "retry", "edit", "talk")
ORDERS = set(KINDS) - {"talk"}
SETS = ("tuning", "held_out", "held_out_2")
LAST_PROMPT = "a red circle"
"""Of the picture that a retry or an edit goes on from."""

LANGUAGES = load_languages()


@dataclass(frozen=True, slots=True)
class Utterance:
    """prompt: the one that should come out, "" where the label says nothing of it."""

    label: str
    language: str
    text: str
    prompt: str

    def decide(self) -> Decision:
        last = LAST_PROMPT if self.label in ("retry", "edit") else None
        return self.heard().decide(self.text, last)

    def heard(self) -> Language:
        """The language that the message is taken for."""
        return language_of(self.text, LANGUAGES)


def utterances(name: str) -> Iterator[Utterance]:
    """Read `tuning`, `held_out` or `held_out_2`."""
    with (FOLDER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Utterance(row["label"], row["language"], row["text"], row["prompt"] or "")


def kind_of(decision: Decision) -> str:
    return type(decision).__name__.lower()


def precision_recall(table: Counter[tuple[str, str]], kinds: set[str]) -> tuple[float, float]:
    """table: (label, decision) counted. kinds: what counts as positive, on both sides."""
    hits = sum(n for (label, told), n in table.items() if label in kinds and told in kinds)
    told_so = sum(n for (_, told), n in table.items() if told in kinds)
    are_so = sum(n for (label, _), n in table.items() if label in kinds)
    return hits / max(told_so, 1), hits / max(are_so, 1)


def mistakes(name: str) -> Iterator[str]:
    for utterance in utterances(name):
        decision = utterance.decide()
        told, prompt = kind_of(decision), getattr(decision, "prompt", None) or ""
        if told != utterance.label or prompt != (utterance.prompt or prompt):
            yield f"  {utterance.label:6}{told:6}{utterance.text!r} -> {prompt!r}"


def report(name: str) -> str:
    """What is printed of one set."""
    said = list(utterances(name))
    decided = [(utterance, utterance.decide()) for utterance in said]
    table = Counter((utterance.label, kind_of(decision)) for utterance, decision in decided)
    lines = [
        f"{name}: {len(said)} utterances (rows: label, columns: decision)",
        "        " + "".join(f"{kind:>7}" for kind in KINDS) + "  precision  recall",
    ]
    for label in KINDS:
        counts = "".join(f"{table[label, told]:7}" for told in KINDS)
        precision, recall = precision_recall(table, {label})
        lines.append(f"{label:>8}{counts}  {precision:9.1%}  {recall:6.1%}")
    precision, recall = precision_recall(table, ORDERS)
    lines.append(f"a picture is wanted: precision {precision:.1%}, recall {recall:.1%}")
    lines.extend(_of_language(language, decided) for language in NAMES)
    prompts = [
        utterance.prompt == getattr(decision, "prompt", None)
        for utterance, decision in decided
        if utterance.prompt and kind_of(decision) == utterance.label
    ]
    heard = sum(NAMES[LANGUAGES.index(one.heard())] == one.language for one in said)
    lines.append(f"prompts exactly right: {sum(prompts)} of {len(prompts)}")
    lines.append(f"languages heard right: {heard} of {len(said)}")
    return "\n".join(lines)


def both() -> str:
    """What is printed of the two parts held out, taken together."""
    decided = [
        (each, each.decide()) for name in SETS if name != "tuning" for each in utterances(name)
    ]
    table = Counter((each.label, kind_of(decision)) for each, decision in decided)
    precision, recall = precision_recall(table, ORDERS)
    said = f"both held out, {len(decided)}: precision {precision:.1%}, recall {recall:.1%}"
    return "\n".join([said, *(_of_language(language, decided) for language in NAMES)])


def _of_language(language: str, decided: list[tuple[Utterance, Decision]]) -> str:
    table = Counter((one.label, kind_of(told)) for one, told in decided if one.language == language)
    precision, recall = precision_recall(table, ORDERS)
    return f"  {language}, {table.total():3}: precision {precision:.1%}, recall {recall:.1%}"


if __name__ == "__main__":
    for name in SETS:
        if "-v" in sys.argv and (name == "tuning" or "--all" in sys.argv):
            print(*mistakes(name), sep="\n")
        print(f"\n{report(name)}")
    print(f"\n{both()}")

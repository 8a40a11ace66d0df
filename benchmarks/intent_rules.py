"""How well the built-in rules tell orders from talk: `python benchmarks/intent_rules.py [-v]`.

Prints, for the utterances on which the rules were tuned and for those held out, the confusion
table, precision and recall of each kind, and of "some picture is wanted" against "talk".
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from limner.upstreams.intent_rules import Decision, language_of, load_languages

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "upstreams" / "utterances"
KINDS = ("draw", "retry", "edit", "talk")
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
        return language_of(self.text, LANGUAGES).decide(self.text, last)


def utterances(name: str) -> Iterator[Utterance]:
    """Read `tuning` or `held_out`."""
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


def report(name: str, verbose: bool) -> None:
    table: Counter[tuple[str, str]] = Counter()
    prompts_right = prompts = 0
    for utterance in utterances(name):
        decision = utterance.decide()
        told = kind_of(decision)
        table[utterance.label, told] += 1
        prompt = getattr(decision, "prompt", None) or ""
        if utterance.prompt and told == utterance.label:
            prompts += 1
            prompts_right += prompt == utterance.prompt
        if verbose and (told != utterance.label or prompt != (utterance.prompt or prompt)):
            print(f"  {utterance.label:6}{told:6}{utterance.text!r} -> {prompt!r}")
    print(f"\n{name}: {table.total()} utterances (rows: label, columns: decision)")
    print("        " + "".join(f"{kind:>7}" for kind in KINDS) + "  precision  recall")
    for label in KINDS:
        counts = "".join(f"{table[label, told]:7}" for told in KINDS)
        precision, recall = precision_recall(table, {label})
        print(f"{label:>8}{counts}  {precision:9.1%}  {recall:6.1%}")
    precision, recall = precision_recall(table, set(KINDS) - {"talk"})
    print(f"a picture is wanted: precision {precision:.1%}, recall {recall:.1%}")
    print(f"prompts exactly right: {prompts_right} of {prompts}")


if __name__ == "__main__":
    for name in ("tuning", "held_out"):
        report(name, verbose="-v" in sys.argv and (name == "tuning" or "--all" in sys.argv))

"""What a person wants, told by rules: a picture, the last one again, a change to it, or a talk.

Pure. The rules are data, one TOML file per language in `phrases`; here is only the order in which
they are asked:

1. a message about another medium (code, ASCII art) is talk;
2. "again" and "make it blue" go on from the last picture;
3. the first clause that orders a picture counts, those that forbid one are passed over;
4. a message that is nothing but a description is an order too.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

Patterns = dict[str, re.Pattern[str]]

NAMES = ("en", "ru", "de", "es", "zh")
"""Of the languages, as their files are called."""

MAX_CHARS = 2000
"""Longer messages are judged by their beginning, where orders stand, so that matching is quick."""

_SPACES = re.compile(r"[^\S\n]+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*(?=\S)|\n+")


@dataclass(frozen=True, slots=True)
class Draw:
    """Paint this."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Paint the last prompt once more."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Change the last picture. prompt: of what it shows afterwards, None where rules cannot say."""

    prompt: str | None


@dataclass(frozen=True, slots=True)
class Talk:
    """No picture is asked for. say: which of the language's phrases answers best."""

    say: str


Decision = Draw | Retry | Edit | Talk


@dataclass(frozen=True, slots=True)
class Language:
    """The rules of one language. signs: each one found speaks for it. word: cuts a text in words.

    spaced: whether spaces stand between words.
    """

    signs: re.Pattern[str]
    word: re.Pattern[str]
    spaced: bool
    patterns: Patterns
    changes: tuple[re.Pattern[str], ...]
    added: str
    known_share: float
    say: dict[str, str]

    def decide(
        self, text: str, last_prompt: str | None = None, *, has_picture: bool = False
    ) -> Decision:
        """Say what the message asks for. last_prompt: of the conversation's last picture.

        has_picture: whether there is one to change also where its prompt is not known.
        """
        text = _SPACES.sub(" ", text.replace("’", "'")).strip()
        head, tail = text, ""
        if len(text) > MAX_CHARS:
            space = text.rfind(" ", 0, MAX_CHARS)
            cut = space if space > 0 else MAX_CHARS
            head, tail = text[:cut], text[cut:]
        decision = self._decide(head, last_prompt, has_picture or last_prompt is not None)
        return Draw(decision.prompt + tail) if isinstance(decision, Draw) else decision

    def _decide(self, text: str, last_prompt: str | None, has_picture: bool) -> Decision:
        if self._finds("never.message", text):
            return Talk("help")
        going_on = self._goes_on(self._bared(text), last_prompt, has_picture)
        if going_on is not None:
            return going_on
        clauses = list(self._clauses(text))
        allowed = [clause for clause in clauses if not self._finds("never.clause", clause)]
        orders = [self._ordered(self._bared(clause)) for clause in allowed]
        for number, wanted in enumerate(orders):
            if wanted:
                details = filter(self._is_detail, allowed[number + 1 :])
                stop = ". " if self.spaced else "。"
                return Draw(stop.join([wanted, *map(self._bared, details)]))
        if "" in orders:
            return Talk("what")
        if len(allowed) < len(clauses):
            return Talk("declined")
        return self._described(text) or Talk("help")

    def _goes_on(self, said: str, last_prompt: str | None, has_picture: bool) -> Decision | None:
        """Read a message that only makes sense after a picture."""
        if self._is("retry.same", said):
            return Retry(last_prompt) if last_prompt else Talk("no_picture")
        if not has_picture:
            return Talk("no_picture") if self._is("edit.other", said) else None
        for pattern in self.changes:
            if found := pattern.fullmatch(said):
                change = found.groupdict()
                if not any(value and self._stops(value) for value in change.values()):
                    return Edit(self._changed(last_prompt, **change) if last_prompt else None)
        return Edit(None) if self._is("edit.other", said) else None

    def _changed(
        self,
        prompt: str,
        change: str | None = None,
        part: str | None = None,
        addition: str | None = None,
    ) -> str:
        if addition:
            return f"{prompt}, {self.added.format(addition)}"
        colour = self.patterns["words.colour"]
        if change and colour.fullmatch(change):
            before = rf"(?=\s+{re.escape(part)}\b)" if part else ""
            edge = r"\b" if self.spaced else ""
            old = re.compile(rf"{edge}(?:{colour.pattern}){edge}{before}", re.IGNORECASE)
            found = [
                at for at in old.finditer(prompt) if part or not self._is_of_ground(prompt, at)
            ]
            if len(found) == 1:
                return prompt[: found[0].start()] + change + prompt[found[0].end() :]
        return f"{prompt}, {change} {part}" if part else f"{prompt}, {change}"

    def _is_of_ground(self, prompt: str, colour: re.Match[str]) -> bool:
        """Whether a colour is said of the background, which "make it blue" does not mean."""
        ground = self.patterns["words.ground"].pattern
        before, after = prompt[: colour.start()], prompt[colour.end() :]
        return bool(
            re.match(rf"\s*(?:{ground})", after, re.IGNORECASE)
            or re.search(rf"(?:{ground})\s*$", before, re.IGNORECASE)
        )

    def _clauses(self, text: str) -> Iterator[str]:
        for sentence in _SENTENCE_END.split(text):
            yield from filter(None, self.patterns["never.split"].split(sentence))

    def _bared(self, said: str) -> str:
        """Take off courtesies and final marks."""
        before, after = self.patterns["strip.before"], self.patterns["strip.after"]
        said = _ended(said)
        while found := before.match(said):
            if not found.end():
                break
            said = said[found.end() :]
        while found := re.search(rf"(?:{after.pattern})$", said, re.IGNORECASE):
            said = _ended(said[: found.start()])
        return said

    def _ordered(self, said: str) -> str | None:
        """Return the prompt that a clause orders; "" where it does not say what, None if none."""
        said = self.patterns["strip.cut"].sub("", said)
        if found := self.patterns["order.strong"].fullmatch(said):
            wanted = found["object"]
            if self._is("order.idiom", wanted):
                return None
            return "" if self._is("order.vague", wanted) else self._subject(wanted)
        if found := self.patterns["order.weak"].fullmatch(said):
            wanted = found["object"]
            if self._is("order.vague", wanted) and not self._is("order.vague", ""):
                return ""
            if self._is("order.idiom", wanted):
                return None
            is_written = self._is("order.written", wanted)
            if self._is("order.pictured", wanted) or (
                self._names_things(wanted) and not is_written
            ):
                return "" if self._is("order.vague", wanted) else self._subject(wanted)
        if found := self.patterns["order.making"].fullmatch(said):
            wanted = found["object"]
            written = self._is("order.written", wanted) or self._is("order.idiom", wanted)
            return None if written or self._stops(wanted) else self._subject(wanted)
        if (found := self.patterns["order.picture"].fullmatch(said)) and not self._stops(said):
            return self._subject(said)
        return None

    def _subject(self, wanted: str) -> str:
        """Reduce "a picture of a cat and tell me …" to "a cat"."""
        if found := self.patterns["order.wrapping_before"].match(wanted):
            wanted = wanted[found.end() :] or wanted
        wrapping = self.patterns["order.wrapping_after"].pattern
        return _ended(re.sub(rf"(?:{wrapping})$", "", self._bared(wanted), flags=re.IGNORECASE))

    def _described(self, text: str) -> Decision | None:
        """Read a message without an order: a courtesy, or a description of what to paint."""
        for courtesy in ("greeting", "thanks"):
            if self._is(f"talk.{courtesy}", text):
                return Talk(courtesy)
        for said in (text, self._bared(text)):
            if self._is_description(said):
                return Draw(_ended(said))
        return None

    def _is_description(self, text: str) -> bool:
        """Whether a text says what a picture shows and nothing else."""
        if _is_question(text) or self._stops(text):
            return False
        return self._is("bare.starts", _ended(text)) or self._names_things(text)

    def _names_things(self, text: str) -> bool:
        """Whether enough of the words are known to be visible: things, colours, sizes."""
        words = [word for word in self.word.findall(text) if not self._is("words.link", word)]
        things = sum(self._is("words.things", word) for word in words)
        colours = sum(self._is("words.colour", word) for word in words)
        sizes = sum(self._is("words.size", word) for word in words)
        seen = things > 0 or (colours > 0 and len(words) > 1)
        share = self.known_share * len(words)
        return seen and things + colours + sizes >= share and not self._stops(text)

    def _is_detail(self, clause: str) -> bool:
        """Whether a clause behind an order tells more about the picture."""
        is_courtesy = self._is("talk.thanks", clause) or not self._bared(clause)
        return not is_courtesy and not _is_question(clause)

    def _stops(self, text: str) -> bool:
        return self._finds("bare.stop", text)

    def _is(self, rule: str, text: str) -> bool:
        return self.patterns[rule].fullmatch(text) is not None

    def _finds(self, rule: str, text: str) -> bool:
        return self.patterns[rule].search(text) is not None


def load_languages() -> tuple[Language, ...]:
    """Read the rules that come with the package; the first language is for doubtful cases."""
    folder = resources.files("limner.upstreams.phrases")
    return tuple(_language((folder / f"{name}.toml").read_text("utf-8")) for name in NAMES)


def language_of(text: str, languages: tuple[Language, ...]) -> Language:
    """The language that most signs speak for, the first one where they speak for none."""
    beginning = text[:MAX_CHARS]
    return max(languages, key=lambda language: len(language.signs.findall(beginning)))


def _language(toml: str) -> Language:
    tables: dict[str, Any] = tomllib.loads(toml)
    words = {f"{{{name}}}": value for name, value in tables["words"].items()}
    spellings = {pair[0]: pair for pair in tables["spellings"].split()}

    def compiled(
        pattern: str, *, whole_words: bool = False, any_spelling: bool = True
    ) -> re.Pattern[str]:
        for name, value in words.items():
            pattern = pattern.replace(name, value)
        if any_spelling:
            pattern = _in_any_spelling(pattern, spellings)
        if whole_words and spaced:
            pattern = rf"(?<!\w)(?:{pattern})(?!\w)"
        return re.compile(pattern, re.IGNORECASE)

    spaced = tables["spaced"]
    known_share = tables["bare"].pop("known_share")
    patterns = {
        f"{table}.{name}": compiled(
            value, whole_words=table in ("bare", "words"), any_spelling=table != "bare"
        )
        for table, rules in tables.items()
        if table not in ("signs", "spaced", "spellings", "say", "edit")
        for name, value in rules.items()
    }
    edit = tables["edit"]
    patterns["edit.other"] = compiled(edit["other"])
    return Language(
        signs=compiled(tables["signs"], any_spelling=False),
        word=compiled(r"[\w'-]+" if spaced else r"{things}|{colour}|{size}|{link}|[a-z]+|\w"),
        spaced=spaced,
        patterns=patterns,
        changes=tuple(compiled(pattern) for pattern in edit["simple"]),
        added=edit["added"],
        known_share=known_share,
        say=tables["say"],
    )


def _in_any_spelling(pattern: str, spellings: dict[str, str]) -> str:
    """Let each letter of a regular expression stand for those that people write in its place."""
    written, in_class, escaped = [], False, False
    for letter in pattern:
        letters = letter if escaped else spellings.get(letter, letter)
        written.append(letters if in_class or len(letters) == 1 else f"[{letters}]")
        if not escaped:
            in_class = letter == "[" or (in_class and letter != "]")
        escaped = not escaped and letter == "\\"
    return "".join(written)


def _is_question(text: str) -> bool:
    return text.rstrip().endswith(("?", "？"))


def _ended(text: str) -> str:
    bare = text.strip().strip("\"“”„«»「」'`").lstrip(" ¿¡")
    return bare.rstrip(" .!?,;:。！？，；：、").strip()

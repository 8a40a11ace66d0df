"""docs/configure.md, written from the table: `python -m limner.config.document`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from limner.config.option import Entry, Part
from limner.config.settings import TABLE

HEAD = """\
# Settings

<!-- Written by `python -m limner.config.document`; edit src/limner/config/settings.py instead. -->

A setting comes from a flag, else from an environment variable, else from its default. An empty
variable counts as not set. The variables `IMAGE_GEN_*` are those of the service that the job API
continues; they count where ours are not set. What cannot be accepted is an error at start that
names the source, the value and what would do.

`limner serve` takes them all; `limner engine` and `limner generate` take those that concern them
(`--help` lists them).

One language model is described by flags and variables, several by a file that `--config` names:
[language models](language-models.md). `limner config check` says whether all of it can be used,
`limner config show` what holds and where it comes from.

Keys come from environment variables only, never from flags: the flag names another variable than
the usual one. No log and no message shows them.
"""

COMPLETION = """
## Completion in the shell

```console
eval "$(limner completion bash)"      # or zsh; fish: limner completion fish | source
```

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | something failed; the message says what |
| 2 | a flag or a setting cannot be accepted |
| 130 | interrupted from the keyboard |

`limner doctor` answers by its own: [doctor](doctor.md).
"""


def document() -> str:
    """The whole page."""
    return HEAD + "".join(_section(part) for part in get_args(Part)) + COMPLETION


def _section(part: Part) -> str:
    rows = [entry for entry in TABLE if entry.option.part == part]
    return "\n".join((f"\n## {part.capitalize()}\n", *_rows(rows))) + "\n"


def _rows(entries: list[Entry]) -> Iterator[str]:
    yield "| flag | variables | accepted | default | meaning |"
    yield "|---|---|---|---|---|"
    for entry in entries:
        option = entry.option
        variables = ", ".join(f"`{name}`" for name in (entry.variable, option.older) if name)
        cells = (
            f"`{entry.flag}`",
            variables,
            option.reads.accepts,
            _default(entry),
            option.help,
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(entry: Entry) -> str:
    if entry.option.unset is not None:
        return entry.option.unset
    if isinstance(entry.default, bool):
        return "yes" if entry.default else "no"
    return f"`{entry.default}`"


def main() -> None:
    Path("docs/configure.md").write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()

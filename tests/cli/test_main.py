"""What the command makes of exceptions: words and an exit code, never a traceback."""

from __future__ import annotations

import errno

import click
import pytest

from limner import cli
from limner.core.errors import ConfigError, LimnerError


def outcome(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    def fail(**kwargs: object) -> None:
        raise error

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(SystemExit) as exited:
        cli.main()
    return exited.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("no such model"), 2, "limner: no such model\n"),
        (LimnerError("out of paint"), 1, "limner: out of paint\n"),
        (click.UsageError("no"), 2, "Error: no\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            OSError(errno.ENOSPC, "No space left on device", "/srv/limner"),
            1,
            "limner: The disk has no room left for /srv/limner. Make room, or name another folder: "
            "--data for what is kept, TMPDIR for the rest.\n",
        ),
        (click.Abort(), 130, ""),
        (
            ZeroDivisionError("x"),
            1,
            "limner: ZeroDivisionError('x') is a bug; LIMNER_LOG_LEVEL=debug shows where it is.\n",
        ),
    ],
)
def test_an_error_becomes_words_and_an_exit_code(
    error: BaseException,
    code: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LIMNER_LOG_LEVEL", raising=False)
    assert outcome(error, monkeypatch, capsys) == (code, words)


def test_a_bug_is_shown_whole_to_who_looks_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMNER_LOG_LEVEL", "debug")
    with pytest.raises(ZeroDivisionError):
        outcome(ZeroDivisionError(), monkeypatch, capsys)

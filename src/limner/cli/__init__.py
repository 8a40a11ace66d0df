"""The command. What a subcommand needs is imported when it runs: `limner --help` is instant."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

from limner import __version__
from limner.core.errors import ConfigError, LimnerError

COMMANDS = {
    "demo": "Try it: the chat page and the API, with nothing to set up.",
    "serve": "Serve any language model with the image tool, and paint.",
    "vllm": "Run vLLM with the image tool in front.",
    "engine": "Serve only the image engine, for servers elsewhere.",
    "cluster": "Serve the image engine by replicas on Ray.",
    "generate": "Paint a picture into a file.",
    "pull": "Download a model.",
    "db": "Upgrade the database, or check it.",
    "config": "Check the settings, or show them.",
    "doctor": "Find out what would be in the way of serving.",
    "completion": "Complete commands and flags in the shell.",
}
INTERRUPTED = 130
ELSEWHERE = "name another folder: --data for what is kept, TMPDIR for the rest"


class _Commands(click.Group):
    """Knows its subcommands by name, and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"limner.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="limner")
def cli() -> None:
    """Give any language model the image_generation tool, and paint on your own machine."""


def main() -> None:
    """Run the command and exit: 0 done, 1 failed, 2 wrong flags or settings, 130 interrupted."""
    sys.exit(_run())


def _run() -> int:
    try:
        result: Any = cli.main(prog_name="limner", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except ConfigError as error:
        return _say(error.message, 2)
    except LimnerError as error:
        return _say(error.message, 1)
    except BrokenPipeError:
        # Whoever read our output has left; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" for {error.filename}" if error.filename else ""
            return _say(f"The disk has no room left{where}. Make room, or {ELSEWHERE}.", 1)
        if os.environ.get("LIMNER_LOG_LEVEL", "").lower() == "debug":
            raise
        return _say(f"{error!r} is a bug; LIMNER_LOG_LEVEL=debug shows where it is.", 1)
    return result if isinstance(result, int) else 0


def _say(message: str, code: int) -> int:
    click.echo(f"limner: {message}", err=True)
    return code

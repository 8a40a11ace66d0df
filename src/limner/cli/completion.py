"""`limner completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_LIMNER_COMPLETE"
"""Set by the printed script when the shell asks; click answers, before any command runs."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes SHELL complete commands, flags and values.

    In ~/.bashrc or ~/.zshrc: eval "$(limner completion bash)", or zsh. For fish: limner completion
    fish > ~/.config/fish/completions/limner.fish
    """
    from limner.cli import cli

    completion = get_completion_class(shell)
    assert completion, "click has all three"
    click.echo(completion(cli, {}, "limner", VARIABLE).source())

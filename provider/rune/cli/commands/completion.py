"""`rune completion`."""

import click
from click.shell_completion import get_completion_class

from rune.errors import InvalidInput


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a SHELL.

    For bash: `rune completion bash > ~/.local/share/bash-completion/completions/rune`.
    """
    from rune.cli.main import cli  # the group imports its commands, this one among them

    found = get_completion_class(shell)
    if found is None:
        raise InvalidInput(f"there is no completion for {shell}", mend="use bash, zsh or fish")
    click.echo(found(cli, {}, "rune", "_RUNE_COMPLETE").source())

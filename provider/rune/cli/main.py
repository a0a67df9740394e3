"""The `rune` command: global options, and how errors end."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from rune import __version__
from rune.cli.lazy import LazyGroup
from rune.errors import RuneError
from rune.wiring.harden import forbid_core_dumps

_EXIT_INTERRUPTED: Final = 130
_EXIT_BROKEN_PIPE: Final = 141
_EXIT_BUG: Final = 70

_COMMANDS: Final = {
    "init": ("rune.cli.commands.init:init", "Make a new store: keys, a first snapshot, rune.yaml."),
    "set": ("rune.cli.commands.write:set_", "Set keys of a secret; its other keys stay."),
    "put": ("rune.cli.commands.write:put", "Replace a secret by exactly these keys."),
    "seal": ("rune.cli.commands.seal:seal", "Seal values into a text file that is safe in Git."),
    "get": ("rune.cli.commands.read:get", "Show a secret's keys, or print one value."),
    "ls": ("rune.cli.commands.read:ls", "List secrets."),
    "rm": ("rune.cli.commands.write:rm", "Remove secrets or keys."),
    "log": ("rune.cli.commands.history:log", "Show the snapshots, newest first."),
    "diff": ("rune.cli.commands.history:diff", "Show which keys differ between two snapshots."),
    "rollback": ("rune.cli.commands.history:rollback", "Commit an older snapshot's content as a new one."),
    "epoch": ("rune.cli.commands.epoch:epoch", "Begin anew after a signing key was stolen."),
    "policy": ("rune.cli.commands.policy:policy", "Show, edit and test who may read what."),
    "render": ("rune.cli.commands.render:render", "Show what a pod would get, and why."),
    "verify": ("rune.cli.commands.trust:verify", "Check the store as a node does, step by step."),
    "sign": ("rune.cli.commands.trust:sign", "Add a signature to the current snapshot, policy or head."),
    "refresh": ("rune.cli.commands.trust:refresh", "Say again that the current snapshot is current."),
    "keyset": ("rune.cli.commands.keyset:keyset", "Create, rotate, wrap and install keysets."),
    "manifest": ("rune.cli.commands.manifest:manifest", "Print Kubernetes manifests for a store."),
    "doctor": ("rune.cli.commands.doctor:doctor", "Check cluster and stores, and say what to do."),
    "completion": ("rune.cli.commands.completion:completion", "Print the shell's completion script."),
    "demo": ("rune.cli.commands.demo:demo", "Watch the main job work on this machine."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-s", "--store", metavar="NAME", envvar="RUNE_STORE", help="The store of rune.yaml to use.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How data is printed on stdout.",
)
@click.option("--keyless", is_flag=True, envvar="RUNE_KEYLESS", help="Sign as the identity that this CI job has.")
@click.option(
    "--identity-token-file",
    type=click.Path(path_type=Path),
    envvar="RUNE_IDENTITY_TOKEN_FILE",
    metavar="FILE",
    help="Sign as the identity of this OpenID Connect token (audience sigstore).",
)
@click.option(
    "--signing-config",
    type=click.Path(path_type=Path),
    envvar="RUNE_SIGNING_CONFIG",
    metavar="FILE",
    help="The services to sign as an identity with.  [default: from config.yaml, else sigstore.dev]",
)
@click.option("--no-color", is_flag=True, help="No colour, as NO_COLOR in the environment.")
@click.option("-q", "--quiet", is_flag=True, help="Only data, warnings and errors.")
@click.version_option(__version__, prog_name="rune", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    context: click.Context,
    store: str | None,
    output: str,
    keyless: bool,
    identity_token_file: Path | None,
    signing_config: Path | None,
    no_color: bool,
    quiet: bool,
) -> None:
    """Secrets for Kubernetes pods, encrypted and signed in any OCI registry.

    Start with `rune demo`, or with `rune init oci://HOST/REPOSITORY`. Exit codes: docs/errors.md.
    """
    from rune.cli.output import Format, Printer  # rich is not needed for --help and completion
    from rune.cli.session import Session

    printer = Printer(Format(output), color=not no_color, quiet=quiet)
    context.obj = Session(printer, store, keyless, identity_token_file, signing_config)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (docs/errors.md)."""
    forbid_core_dumps()
    try:
        cli.main(args=arguments, prog_name="rune", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\ninterrupted: nothing that was not said to be done is done", err=True)
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; don't let the interpreter complain of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_BROKEN_PIPE
    except RuneError as error:
        return _report(error)
    except Exception as error:  # noqa: BLE001  # the last place: a traceback could show a value
        return _report_bug(error)
    return 0


def _report(error: RuneError) -> int:
    from rune.cli.output import Printer  # only now: most commands end well

    Printer(color="--no-color" not in sys.argv).error(error.reason, error.what, error.mend)
    return error.exit_code


def _report_bug(error: Exception) -> int:
    """Say what kind of error and where, never its text: that may quote a value."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    click.echo(f"RUNE_INTERNAL: a bug in rune: {type(error).__name__} in {' > '.join(places[-4:])}", err=True)
    click.echo("  try: report it with this line; it holds no secret", err=True)
    return _EXIT_BUG


if __name__ == "__main__":
    sys.exit(main())

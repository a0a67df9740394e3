"""`rune demo`."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click

from rune.cli.demo.stage import Stage
from rune.cli.demo.story import play
from rune.cli.session import Session


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder, to look around.")
@click.pass_obj
def demo(session: Session, keep: bool) -> None:
    """Watch the main job work on this machine: publish, mount, deny, rotate, tamper.

    Needs no cluster and no server. Everything happens in a temporary folder, with the real provider on a socket there.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        if keep:
            folder = Path(tempfile.mkdtemp(prefix="rune-demo-"))
            session.printer.note(f"everything is kept in {folder}")
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rune-demo-")))
        stage = Stage(folder, session.printer)
        stack.callback(stage.close)
        play(stage)
    session.printer.note("")
    took_s = time.monotonic() - started
    session.printer.note(f"That was the main job, in {took_s:.0f} seconds. Next: README.md, a first real use.")

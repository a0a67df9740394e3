"""A progress bar for what may last more than a second; only on a terminal, and only on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from rune.cli.output import Printer
from rune.client.results import Progress, quiet


@contextmanager
def progress(printer: Printer) -> Iterator[Progress]:
    """Give a callback that draws, or one that does nothing where nobody watches."""
    if not printer.interactive:
        yield quiet
        return
    bar = bars.Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=printer.errors,
        transient=True,
    )
    task = bar.add_task("starting", total=None)
    with bar:
        yield lambda step, done, total: bar.update(task, description=step, completed=done, total=total or None)

"""A progress bar for what may last more than a second; only on a terminal, and only on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rune.cli.output import Printer

Step = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is (0: unknown)."""


@contextmanager
def progress(printer: Printer) -> Iterator[Step]:
    """Give a callback that draws, or one that does nothing where nobody watches."""
    if not printer.interactive:
        yield _ignore
        return
    bar = Progress(
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
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None)


def _ignore(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""

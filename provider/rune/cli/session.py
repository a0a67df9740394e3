"""What every command starts from: the printer, the chosen store of rune.yaml, and the store opened."""

from dataclasses import dataclass
from pathlib import Path

from rune.cli.output import Printer
from rune.cli.project import FILE_NAME, Project, StoreEntry, find_project, load_project
from rune.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command."""

    printer: Printer
    store_name: str | None = None

    def project(self) -> Project:
        """The nearest rune.yaml.

        Raises:
            InvalidConfig: there is none, or it is wrong.
        """
        path = find_project(Path.cwd())
        if path is None:
            raise InvalidConfig(
                f"there is no {FILE_NAME} in this folder or above it",
                mend="make a store with `rune init URL`, or go to the folder that has one",
            )
        return load_project(path)

    def entry(self) -> StoreEntry:
        """The store that --store, RUNE_STORE or rune.yaml chooses."""
        return self.project().store(self.store_name)

"""Where a user's own state is kept."""

import os
from pathlib import Path


def default_state_folder() -> Path:
    """$XDG_STATE_HOME/rune, by default ~/.local/state/rune (XDG base directory specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "rune"

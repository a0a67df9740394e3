"""A cluster as the person at the keyboard reaches it: their kubeconfig, their rights."""

import os
from pathlib import Path

from rune.adapters import kubeconfig
from rune.adapters.kube_survey import KubeSurvey
from rune.model.clock import Clock


def kubeconfig_path() -> Path:
    """$KUBECONFIG, of several files the first, else ~/.kube/config; it need not exist."""
    return Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")


def open_survey(path: Path, context: str | None, clock: Clock) -> KubeSurvey:
    """Prepare to look at a cluster; nothing is asked yet.

    Raises:
        InvalidConfig: the kubeconfig can't be used.
    """
    return KubeSurvey.connect(kubeconfig.load(path, context=context), clock)

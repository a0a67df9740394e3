"""Mounts of the team that is attacked, and what must come of them."""

from rune.model.bounded_yaml import Yaml, dump_yaml
from tests.hostile.shared_node import API, Got
from tests.hostile.village import FILES, Village

INVALID = "RUNE_PARAMETER_INVALID"
DENIED = "RUNE_POLICY_DENIED"


def entry(**fields: Yaml) -> str:
    """`objects` with one entry."""
    return dump_yaml([fields])


def refuse(village: Village, objects: str, *reasons: str, fetches: bool = False) -> str:
    """The mount must be refused for one of these reasons, and leave nothing behind but what it `fetches` to judge."""
    village.others_go_on()
    served(village.node.mount(API))
    with village.node.untouched(whole=not fetches):
        got = village.node.mount(API, objects)
        assert got.reason in reasons, got.text
        village.refused(got, got.reason)
    return got.reason


def served(got: Got, files: object = FILES) -> None:
    """It must have given these files."""
    assert got.files == files, got.text

"""docs/doctor.md names every check, and no other."""

import re
from pathlib import Path

from rune.client.doctor import mount, store
from rune.client.doctor.cluster import check_cluster
from tests.unit.client.doctor.picture import sound

PAGE = Path(__file__).resolve().parents[4] / "docs" / "doctor.md"


def test_every_check_is_explained() -> None:
    cluster = {finding.check for finding in check_cluster(sound())}
    stores = {f"store/NAME/{part}" for part in store.PARTS}
    assert set(re.findall(r"^\| `([a-z]+/\S+)` \|", PAGE.read_text(), re.MULTILINE)) == cluster | stores | set(
        mount.STEPS
    )

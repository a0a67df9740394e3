"""What this rune knows of its own kinds is what deploy/crds says."""

from pathlib import Path

import pytest
import yaml

from rune.client.doctor.crd_fields import KNOWN_FIELDS, VERSION
from rune.client.doctor.read import crd

CRDS = Path(__file__).resolve().parents[4] / "deploy" / "crds"


@pytest.mark.parametrize("name", sorted(KNOWN_FIELDS))
def test_the_fields_are_those_of_the_crd(name: str) -> None:
    plural, _, group = name.partition(".")
    found = crd(yaml.safe_load((CRDS / f"{group}_{plural}.yaml").read_text()))
    assert found.served == (VERSION,)
    assert found.fields == KNOWN_FIELDS[name], "change rune.client.doctor.crd_fields with deploy/crds"

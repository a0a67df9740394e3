"""The DaemonSet and the program that it runs fit together."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import yaml

from rune.model.limits import MOUNT
from rune.server.flags import parser

MANIFEST = Path(__file__).resolve().parents[3] / "deploy" / "kustomize" / "provider" / "daemonset.yaml"


@pytest.fixture
def pod() -> Any:
    return yaml.safe_load(MANIFEST.read_text())["spec"]["template"]["spec"]


def test_its_flags_are_understood(pod: Any) -> None:
    flags = parser().parse_args(pod["containers"][0]["args"])
    assert isinstance(flags, argparse.Namespace)
    named = {each["name"]: each["valueFrom"]["fieldRef"]["fieldPath"] for each in pod["containers"][0]["env"]}
    assert (flags.node_name, named["NODE_NAME"]) == ("$(NODE_NAME)", "spec.nodeName")
    assert flags.takeover, "in an update the old provider still has the socket"


def test_a_container_that_is_frozen_whole_is_killed_long_before_the_kubelet_gives_up_a_mount(pod: Any) -> None:
    probe = pod["containers"][0]["livenessProbe"]
    assert probe["httpGet"]["path"] == "/livez"
    noticed_s = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    assert noticed_s + probe["terminationGracePeriodSeconds"] <= 35


def test_a_loaded_machine_is_not_a_frozen_one(pod: Any) -> None:
    probe = pod["containers"][0]["livenessProbe"]
    assert probe["timeoutSeconds"] > 2, "what our own round trip may take"
    assert probe["periodSeconds"] * (probe["failureThreshold"] - 1) >= 20, "the supervisor's restart comes first"


def test_a_start_and_a_stop_have_the_time_they_need(pod: Any) -> None:
    probe = pod["containers"][0]["startupProbe"]
    assert probe["httpGet"]["path"] == "/livez"
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 60
    assert pod["terminationGracePeriodSeconds"] > MOUNT.drain_s + 4 + 2, "the linger, the drain, and a moment"

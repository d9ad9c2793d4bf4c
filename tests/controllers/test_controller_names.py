"""Which controllers a list chooses."""

from __future__ import annotations

import pytest

from kubekit.controllers.registry import CONTROLLERS, chosen


def names(wanted: list[str]) -> set[str]:
    return {controller.name for controller in chosen(wanted)}


def test_older_names_are_known() -> None:
    assert names(["podgc", "bootstrapsigner"]) == {
        "pod-garbage-collector-controller",
        "bootstrap-signer-controller",
    }


def test_what_is_named_first_decides() -> None:
    assert names(["job", "-job"]) == {"job-controller"}
    assert len(chosen(["*", "-endpoint"])) == len(CONTROLLERS) - 1


def test_controllers_of_a_cloud_may_be_named() -> None:
    assert len(chosen(["*", "-service-lb-controller", "-route"])) == len(CONTROLLERS)


def test_a_name_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'nobody' is not in the list of known controllers"):
        chosen(["*", "-nobody"])

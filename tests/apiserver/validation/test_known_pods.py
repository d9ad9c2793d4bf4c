"""What is remembered of pods changes no answer: a second look finds what the first one found."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kubekit.apiserver.validation import pod as pods
from kubekit.apiserver.validation.known_pods import KnownPods, fingerprint
from kubekit.apiserver.validation.pod_warnings import pod_warnings
from tests.apiserver.conftest import CORE, Asker

Obj = dict[str, Any]


def made(token: str = "abcde", mount: str = "", **more: Any) -> Obj:
    """A pod as it is when it is validated, with the volume that admission adds."""
    volume, mounted = f"kube-api-access-{token}", f"kube-api-access-{mount or token}"
    spec: Obj = {
        "containers": [
            {
                "name": "c",
                "image": "nginx",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "Always",
                "volumeMounts": [{"name": mounted, "mountPath": "/var/run/secrets", "readOnly": True}],
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "serviceAccountName": "default",
        "volumes": [{"name": volume, "emptyDir": {}}],
        **more,
    }
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": spec}


def texts(pod: Obj) -> list[str]:
    return [str(error) for error in pods.validate_create(copy.deepcopy(pod))]


def mark(pod: Obj) -> bytes:
    return fingerprint(pod["metadata"], pod["spec"])


def test_the_name_of_the_token_volume_does_not_count() -> None:
    assert mark(made("abcde")) == mark(made("fghij"))
    assert mark(made()) != mark(made(restartPolicy="Never"))


def test_two_names_are_never_taken_for_one() -> None:
    assert texts(made("abcde")) == []
    wrong = made("abcde", mount="fghij")
    assert mark(wrong) != mark(made("abcde"))
    assert texts(wrong) == ['spec.containers[0].volumeMounts[0].name: Not found: "kube-api-access-fghij"']


def test_no_text_of_a_pod_can_stand_for_the_name() -> None:
    assert texts(made()) == []
    for name in ("", "\0", "*"):
        pod = made()
        pod["spec"]["volumes"][0]["name"] = pod["spec"]["containers"][0]["volumeMounts"][0]["name"] = name
        assert mark(pod) != mark(made())
        assert texts(pod), f"{name!r} is no volume's name"


def test_what_is_wrong_is_found_each_time() -> None:
    wrong = made(restartPolicy="Sometimes")
    assert texts(wrong) and texts(wrong) == texts(wrong)


def test_annotations_count() -> None:
    assert texts(made()) == []
    noted = made()
    noted["metadata"]["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": "much"}
    assert any("32bit integer" in text for text in texts(noted))


def test_metadata_is_always_looked_at() -> None:
    assert texts(made()) == []
    nameless = made()
    nameless["metadata"]["name"] = "UPPER"
    assert any(text.startswith("metadata.name: Invalid value") for text in texts(nameless))


def test_a_pod_whose_name_counts_has_no_mark() -> None:
    claim = {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}
    pod = made()
    pod["spec"]["volumes"].append({"name": "data", "ephemeral": claim})
    assert mark(pod) == b""
    known = KnownPods()
    known.learn(b"")
    assert not known.know(b"")


def test_what_json_cannot_hold_has_no_mark() -> None:
    assert fingerprint({}, {"activeDeadlineSeconds": 2**70}) == b""


def test_the_oldest_is_forgotten_first() -> None:
    known = KnownPods(limit=2)
    for one in (b"a", b"b", b"c"):
        known.learn(one)
    assert [known.know(one) for one in (b"a", b"b", b"c")] == [False, True, True]


def test_warnings_come_each_time() -> None:
    pod = made(nodeSelector={"beta.kubernetes.io/os": "linux"})
    first = pod_warnings(pod, "")
    assert first == pod_warnings(pod, "") and "deprecated since v1.14" in first[0]
    assert pod_warnings(made(), "") == pod_warnings(made(), "") == []


@pytest.mark.parametrize("times", [1, 3])
def test_through_the_server(api: Asker, times: int) -> None:
    good = {"containers": [{"name": "c", "image": "nginx", "ports": [{"containerPort": 80}]}]}
    bad = copy.deepcopy(good)
    bad["containers"][0]["ports"].append({"containerPort": 0})
    for number in range(times):
        assert (
            api.ask("POST", f"{CORE}/pods", {"metadata": {"name": f"g{number}"}, "spec": good}).status == 201
        )
        answer = api.ask("POST", f"{CORE}/pods", {"metadata": {"name": f"b{number}"}, "spec": bad})
        assert answer.status == 422
        assert [cause["field"] for cause in answer.json()["details"]["causes"]] == [
            "spec.containers[0].ports[1].containerPort"
        ]

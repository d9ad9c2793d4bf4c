"""The verbs: what goes over the wire, and what comes back when it is refused."""

from __future__ import annotations

import pytest

from kubekit.api import status_error
from kubekit.api.exchange import Request, Response, WatchStream
from kubekit.api.status_error import StatusError
from kubekit.client import APPLY, Client, resource_of

POD = {"metadata": {"name": "web", "namespace": "shop"}}


class Wire:
    """Notes the requests and gives one answer."""

    def __init__(self, answer: Response | WatchStream | None = None) -> None:
        self.answer = answer or Response(200, {"kind": "Pod"})
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response | WatchStream:
        self.seen.append(request)
        return self.answer


def test_paths_and_methods() -> None:
    wire = Wire()
    client = Client(wire)
    client.get("pods", "web", "shop")
    client.get("nodes", "n1", "ignored")
    client.list("deployments", "shop", label_selector="a=b", limit=5, continue_="x")
    client.create("pods", POD)
    client.create("pods", {}, "shop", name="web", subresource="binding", dryRun="All")
    client.update("pods", POD, subresource="status")
    client.patch("pods", "web", {}, "shop", patch_type=APPLY, fieldManager="me", force="true")
    client.delete("pods", "web", "shop", propagation="foreground", grace_seconds=0, uid="u")
    client.delete_collection("pods", "shop", label_selector="a=b")
    assert [(r.method, r.path) for r in wire.seen] == [
        ("GET", "/api/v1/namespaces/shop/pods/web"),
        ("GET", "/api/v1/nodes/n1"),
        ("GET", "/apis/apps/v1/namespaces/shop/deployments"),
        ("POST", "/api/v1/namespaces/shop/pods"),
        ("POST", "/api/v1/namespaces/shop/pods/web/binding"),
        ("PUT", "/api/v1/namespaces/shop/pods/web/status"),
        ("PATCH", "/api/v1/namespaces/shop/pods/web"),
        ("DELETE", "/api/v1/namespaces/shop/pods/web"),
        ("DELETE", "/api/v1/namespaces/shop/pods"),
    ]
    assert wire.seen[2].query == {"labelSelector": ["a=b"], "limit": ["5"], "continue": ["x"]}
    assert wire.seen[4].param("dryRun") == "All"
    assert wire.seen[6].headers["content-type"] == APPLY
    assert wire.seen[7].body == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": "Foreground",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }


def test_a_refusal_is_raised_as_it_was_said() -> None:
    client = Client(Wire(Response(404, status_error.not_found("pods", "web").status)))
    with pytest.raises(StatusError) as caught:
        client.get("pods", "web", "shop")
    assert caught.value.reason == "NotFound" and caught.value.message == 'pods "web" not found'
    assert client.find("pods", "web", "shop") is None


def test_a_refusal_in_no_known_form() -> None:
    client = Client(Wire(Response(502, b"<html>bad gateway</html>")))
    with pytest.raises(StatusError) as caught:
        client.get("pods", "web", "shop")
    assert caught.value.code == 502 and "bad gateway" in caught.value.message


def test_a_watch_that_is_refused() -> None:
    client = Client(Wire(Response(403, status_error.forbidden("pods", "", "no").status)))
    with pytest.raises(StatusError) as caught:
        client.watch("pods")
    assert caught.value.code == 403


def test_a_stream_where_an_object_was_wanted() -> None:
    stream = WatchStream()
    with pytest.raises(TypeError, match="use watch"):
        Client(Wire(stream)).get("pods", "web", "shop")
    assert stream.closed


def test_names_of_resources() -> None:
    assert resource_of("deploy") is resource_of("deployments.apps") is resource_of("Deployment")
    with pytest.raises(KeyError, match="'gizmos'"):
        resource_of("gizmos")
    assert Client(Wire()).named("kubectl").name == "kubectl"

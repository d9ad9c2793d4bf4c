"""Chapter 02, The front door: a request without kubectl, and a writer who lost a race."""

from __future__ import annotations

from kubekit.course.exercise import Findings, Look, exercise


@exercise(
    "02.1",
    "Create a ConfigMap with a bare request",
    hints=[
        "Creating is a verb of HTTP, and it goes to the collection, not to the object.",
        "The verb is POST; the path is that of the resource in its namespace, without the object's name.",
        '`cluster.client.request("POST", "/api/v1/namespaces/default/configmaps", body=body)`',
        'Set `body["data"] = {"text": "hello"}` first, then send that request.',
    ],
    waits_for=["a ConfigMap `greeting` in `default`", "its key `text` says hello", "kubectl was not used"],
)
def bare_request(look: Look) -> Findings:
    config = look.find("configmaps", "greeting")
    elsewhere = sorted(
        item["metadata"]["namespace"]
        for item in look.all("configmaps", None)
        if item["metadata"]["name"] == "greeting"
    )
    if not elsewhere:
        yield look.nothing_yet("There is no ConfigMap greeting yet.")
        return
    yield look.expect(
        "the ConfigMap is in default",
        expected="namespace default",
        observed=[f"namespace {name}" for name in elsewhere],
        holds=config is not None,
        where="the namespace in the path: `/api/v1/namespaces/default/configmaps`",
    )
    if config is None:
        return
    data = config.get("data", {})
    yield look.expect(
        "its key `text` says hello",
        expected="text: hello",
        observed=", ".join(f"{key}: {value}" for key, value in sorted(data.items())),
        holds=data == {"text": "hello"},
        where="`data` of the body that was sent; delete the ConfigMap before you POST it again",
    )
    makers = look.history("configmap/default/greeting").creations[-1:]
    yield look.expect(
        "kubectl was not used",
        expected="a request of your own",
        observed=[f"a request of {maker}" for maker in makers],
        holds="kubectl" not in makers,
        where="delete it and create it again with `cluster.client.request`",
    )


@exercise(
    "02.2",
    "Write after a conflict",
    hints=[
        "Ben's copy is stale. Where does he get a fresh one?",
        "Read again: the fresh object has the latest `resourceVersion`. Change that one and write it.",
        'Read with `cluster.client.request("GET", path).json()`, change its `data`, then PUT it to `path`.',
        '`again = cluster.client.request("GET", path).json()`, then '
        '`again = {**again, "data": {"by": "ben", "before": "anna"}}`, then '
        '`cluster.client.request("PUT", path, body=again).status`',
    ],
    waits_for=["`shared` says `by: ben`", "and `before: anna`"],
)
def be_ben(look: Look) -> Findings:
    config = look.find("configmaps", "shared")
    if config is None:
        yield look.nothing_yet("There is no ConfigMap shared.", "run the cells above first")
        return
    data = config.get("data", {})
    if data in ({"by": "nobody"}, {"by": "anna"}):
        yield look.nothing_yet(f"The ConfigMap still says by: {data['by']}.")
        return
    version = config["metadata"]["resourceVersion"]
    yield look.expect(
        "it says `by: ben`",
        expected="by: ben",
        observed=f"by: {data.get('by', 'nothing')}",
        where=f"`data` of ConfigMap **shared**, now at resourceVersion {version}",
    )
    yield look.expect(
        "Anna's mark is kept as `before: anna`",
        expected="before: anna",
        observed=f"before: {data.get('before', 'nothing')}",
        where="`data` of ConfigMap **shared**: a PUT replaces all of it, so both keys have to be sent",
    )

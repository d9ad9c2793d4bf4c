"""The events at the end of a description.

Source: k8s.io/kubectl/pkg/describe (DescribeEvents), client-go (EventExpansion.Search).
"""

from __future__ import annotations

from kubekit.api.duration import unix_seconds
from kubekit.api.exchange import Obj
from kubekit.api.status_error import StatusError
from kubekit.etcd.pdqsort import sort_by_less
from kubekit.terminal.kubectl.call import Call, meta
from kubekit.terminal.kubectl.describe.writer import Writer


def last_seen(event: Obj) -> float:
    """Unix seconds by which `kubectl events` orders them."""
    series = event.get("series") or {}
    text = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    text = text or event.get("firstTimestamp")
    return unix_seconds(text) if text else 0.0


def _seen_before(left: Obj, right: Obj) -> bool:
    # Only this one timestamp counts here: events of the new API, which lack it, go first.
    return (left.get("lastTimestamp") or "") < (right.get("lastTimestamp") or "")


def search(call: Call, obj: Obj, *, uid: str | None = None) -> list[Obj] | None:
    """The events about an object; None when they must not be read."""
    about = meta(obj)
    kind = obj.get("kind", "")
    if kind == "Namespace" or not about.get("namespace"):
        namespace = None
    else:
        namespace = about["namespace"]
    fields = [f"involvedObject.name={about.get('name', '')}"]
    if about.get("namespace"):
        fields.append(f"involvedObject.namespace={about['namespace']}")
    fields.append(f"involvedObject.kind={kind}")
    wanted = about.get("uid", "") if uid is None else uid
    if wanted:
        fields.append(f"involvedObject.uid={wanted}")
    try:
        return call.connection.items(call.discovery.find("events"), namespace, fields=",".join(fields))
    except StatusError:
        return None


def interval(call: Call, event: Obj) -> str:
    """`3s`, or `3s (x4 over 20s)` for an event that came again."""
    first = event.get("eventTime") or event.get("firstTimestamp")
    first_text = call.age(first)
    series = event.get("series")
    if series:
        return f"{call.age(series.get('lastObservedTime'))} (x{series.get('count')} over {first_text})"
    if int(event.get("count") or 0) > 1:
        return f"{call.age(event.get('lastTimestamp'))} (x{event['count']} over {first_text})"
    return first_text


def describe_events(call: Call, writer: Writer, events: list[Obj] | None) -> None:
    """The events' table."""
    if events is None:
        return
    if not events:
        writer.pair("Events", "<none>")
        return
    writer.flush()
    rows = []
    for event in sort_by_less(events, _seen_before):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        message = str(event.get("message") or "").strip()
        path = (event.get("involvedObject") or {}).get("fieldPath")
        if path:
            message = f"{path}: {message}"
        rows.append([event.get("type", ""), event.get("reason", ""), interval(call, event), source, message])
    writer.line(0, "Events:")
    writer.table(1, ["Type", "Reason", "Age", "From", "Message"], rows, [4, 6, 4, 4, 7])


def events_of(call: Call, writer: Writer, obj: Obj) -> None:
    """Looks the events up and writes them, unless --show-events=false."""
    if call.flags.get("show-events", True):
        describe_events(call, writer, search(call, obj))

"""API server: recorded HTTP conversations, replayed step by step; one unit a step that has an answer.

Expected answers carry labels for what differs between runs (`rv#1`, `uid#2`, `<time>`, ...). `Matcher`
lays the expected value over the actual one and binds each label to what it meets: the same label must meet
the same value, different labels different ones. Each case gets a server of its own.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote_plus

import yaml

from kubekit.api.exchange import Request, Response, UserInfo, WatchStream
from kubekit.api.meta import deep_copy
from kubekit.apiserver import APIServer
from kubekit.etcd import KVStore
from kubekit.sim import Loop
from tests.conformance.apiserver_matcher import Matcher, short
from tests.conformance.outcome import Outcome, read_jsonl
from tests.conformance.pointers import at, dotted, drop, put

Obj = dict[str, Any]

TOKENS = {
    "admin-token": UserInfo("kubernetes-admin", "uid-admin", ("system:masters",)),
    "alice-token": UserInfo("alice", "uid-alice", ("dev", "team-a")),
    "bob-token": UserInfo("bob", "uid-bob", ("ops",)),
    "carol-token": UserInfo("carol", "uid-carol", ()),
    "dave-token": UserInfo("dave", "uid-dave", ("dev",)),
}
HEADERS = ("Content-Type", "Warning", "Retry-After", "Allow", "Location", "WWW-Authenticate")


class Replay:
    """One case."""

    def __init__(self, case: Obj) -> None:
        self.case = case
        self.loop = Loop(seed=11)
        self.store = KVStore(self.loop.clock)
        self.server = APIServer(
            self.loop,
            self.store,
            address="192.0.2.10:20010",
            tokens=TOKENS,
        )
        self.server.start()
        self.matcher = Matcher()
        self.answers: dict[str, Any] = {}
        self.streams: dict[str, WatchStream] = {}
        self.namespace: str | None = case.get("namespace")
        if self.namespace:
            metadata: Obj = {"name": self.namespace}
            if case.get("nsLabels"):
                metadata["labels"] = case["nsLabels"]
            if case.get("nsAnnotations"):
                metadata["annotations"] = case["nsAnnotations"]
            self.admin("POST", "/api/v1/namespaces", {"metadata": metadata})
            if not case.get("noDefaultSA") and not case.get("controllers"):
                path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
                self.admin("POST", path, {"metadata": {"name": "default"}})
        if case.get("controllers"):
            start_controllers(self)

    def admin(self, method: str, path: str, body: Obj) -> Response:
        """A request of the administrator that is not part of the case."""
        headers = {"content-type": "application/json", "authorization": "Bearer admin-token"}
        answer = self.server(Request(method, path, {}, headers, json.dumps(body).encode()))
        assert isinstance(answer, Response)
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body!r}")
        return answer

    # -- one step ---------------------------------------------------------------------------------------

    def step(self, step: Obj) -> list[str] | None:
        """Play a step; what differs, or None when it has no answer to compare."""
        if "sleep" in step:
            self.loop.advance(step["sleep"])
            return None
        if step.get("etcdCompact"):
            self.store.compact(self.store.revision)
            return None
        if "collect" in step:
            actual = self.end_of(self.streams.pop(step["collect"]))
        elif "poll" in step:
            actual = self.poll(step)
        else:
            actual = self.send(step)
        if "response" not in step:
            return None
        return self.compare(step, actual)

    def poll(self, step: Obj) -> Obj:
        """Repeat a request until it answers what is waited for."""
        wanted = step["poll"]
        actual: Obj = {}
        for _ in range(120):
            actual = self.send(step)
            good = "status" not in wanted or actual["status"] == wanted["status"]
            if good and "pointer" in wanted:
                good = at(actual.get("body"), wanted["pointer"]) == wanted.get("equals")
            if good:
                break
            self.loop.advance(0.5)
        return actual

    def send(self, step: Obj) -> Obj:
        """Make the request of a step."""
        headers = {"user-agent": "tester/1.0"}
        body: bytes | None = None
        if "rawBody" in step:
            body = self.fill(step["rawBody"]).encode() if isinstance(step["rawBody"], str) else b""
        elif "body" in step:
            body = json.dumps(self.fill(step["body"]), ensure_ascii=False).encode()
        content = step.get("contentType")
        if content is None and body is not None:
            content = "application/json"
        accept = step.get("accept", "application/json")
        if content and content != "-":
            headers["content-type"] = content
        if accept != "-":
            headers["accept"] = accept
        token = self.token(step.get("as", "anonymous"))
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        for name, value in (step.get("headers") or {}).items():
            headers[name.lower()] = "\n".join(value) if isinstance(value, list) else value
        query = parse_qs(self.fill(step.get("query") or ""), keep_blank_values=True, separator="&")
        request = Request(step["method"], self.fill(step["path"]), query, headers, body)
        answer = self.server(request)
        self.loop.run_ready()
        if isinstance(answer, WatchStream):
            if "background" in step:
                self.streams[step["background"]] = answer
                return {"status": 200, "headers": answer.headers}
            return self.end_of(answer)
        shown = _shown(answer)
        if "id" in step:
            self.answers[step["id"]] = deep_copy(shown.get("body"))
        return shown

    def token(self, who: str) -> str | None:
        """The bearer token of a step's `as`."""
        if who == "anonymous":
            return None
        if who.startswith("token:"):
            return who[6:]
        if who.startswith("sa:"):
            path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{who[3:]}/token"
            token: str = self.admin("POST", path, {"spec": {}}).json()["status"]["token"]
            return token
        return f"{who}-token"

    def end_of(self, stream: WatchStream) -> Obj:
        """Let time pass until a watch ends; its events."""
        events: list[Obj] = []
        for _ in range(600):
            if stream.closed:
                break
            self.loop.advance(0.5)
        stream.close()
        for event in stream.take():
            events.append({"type": event.type, "object": deep_copy(event.object)})
        return {"status": 200, "headers": stream.headers, "events": events}

    def fill(self, value: Any) -> Any:
        """Put earlier answers into a body, a path or a query."""
        if isinstance(value, str):
            return re.sub(r"\{\{([^:}]+):([^}]+)\}\}", lambda m: str(dotted(self.answers[m[1]], m[2])), value)
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, dict):
            if "$repeat" in value:
                text, times = value["$repeat"]
                return text * times
            if "$from" in value:
                made = deep_copy(self.answers[value["$from"]])
                for path, item in (value.get("$set") or {}).items():
                    put(made, path, self.fill(item))
                for path in value.get("$unset") or ():
                    put(made, path, None, remove=True)
                return made
            return {key: self.fill(item) for key, item in value.items()}
        return value

    # -- comparing --------------------------------------------------------------------------------------

    def compare(self, step: Obj, actual: Obj) -> list[str]:
        """What differs between a step's recorded answer and ours."""
        expected = deep_copy(step["response"])
        for pointer in step.get("unstable") or ():
            drop(expected, pointer)
            drop(actual, pointer)
        if expected.get("status", actual.get("status")) != actual.get("status"):
            return [
                f"status: expected {expected['status']}, found {actual.get('status')}"
                f" {short(actual.get('body'))}"
            ]
        found: list[str] = []
        for part in ("body", "text", "events", "tokenClaims"):
            if part in expected:
                ours = self.normalise(actual.get(part))
                if part == "events":
                    expected[part] = _without_bookmarks(expected[part])
                    ours = _without_bookmarks(ours)
                elif part == "tokenClaims":
                    ours = _claims(actual)
                found += self.matcher.differences(expected[part], ours, f"/{part}")
        if "headers" in expected:
            ours = {
                name: value
                for name, value in _headers(actual["headers"]).items()
                if name in expected["headers"] or name == "Warning"
            }
            found += self.matcher.differences(expected["headers"], ours, "/headers")
        return found

    def normalise(self, value: Any) -> Any:
        """Our answer without what the recordings leave out."""
        value = deep_copy(value)
        keep = bool(self.case.get("managedFields"))
        _managed(value, keep)
        return value


def _managed(value: Any, keep: bool) -> None:
    if isinstance(value, list):
        for item in value:
            _managed(item, keep)
    elif isinstance(value, dict):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and "managedFields" in metadata:
            if keep:
                entries = [{k: v for k, v in e.items() if k != "time"} for e in metadata["managedFields"]]
                order = ("operation", "manager", "subresource", "apiVersion")
                metadata["managedFields"] = sorted(entries, key=lambda e: [e.get(name, "") for name in order])
            else:
                del metadata["managedFields"]
        for item in value.values():
            _managed(item, keep)


def start_controllers(replay: Replay) -> None:
    """The controllers that some recordings ran with."""
    from kubekit.client import Client
    from kubekit.controllers import ControllerManager

    user = UserInfo("system:kube-controller-manager", "", ("system:masters",))
    names = [
        "namespace-controller",
        "clusterrole-aggregation-controller",
        "serviceaccount-controller",
        "root-ca-certificate-publisher-controller",
        "resourcequota-controller",
        "garbage-collector-controller",
    ]
    client = Client(replay.server, user=user, name="kube-controller-manager")
    ControllerManager(replay.loop, client, names).start()
    replay.loop.run_until_quiet()


def have_controllers() -> bool:
    """Whether the controllers' room can play the cases that need it."""
    try:
        import kubekit.controllers  # noqa: F401
    except ImportError:
        return False
    return True


def _shown(answer: Response) -> Obj:
    shown: Obj = {"status": answer.status, "headers": answer.headers}
    body = answer.body
    kind = answer.headers.get("Content-Type", "")
    if isinstance(body, dict):
        shown["body"] = body
        return shown
    text = body.decode() if isinstance(body, bytes) else (body or "")
    if "yaml" in kind:
        shown["body"] = yaml.safe_load(text)
    elif "json" in kind and text:
        shown["body"] = json.loads(text)
    else:
        shown["text"] = text
    return shown


def _headers(headers: dict[str, str]) -> Obj:
    found: Obj = {name: headers[name] for name in HEADERS if name in headers}
    if "Warning" in found:
        found["Warning"] = found["Warning"].split("\n")
    return found


def _claims(actual: Obj) -> Obj:
    import base64

    token = actual["body"]["status"]["token"]
    part = token.split(".")[1]
    claims: Obj = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    claims["lifetime"] = claims["exp"] - claims["iat"]
    return claims


def _without_bookmarks(events: list[Obj]) -> list[Obj]:
    return [
        event
        for event in events or ()
        if event["type"] != "BOOKMARK" or "annotations" in (event["object"].get("metadata") or {})
    ]


def cases(folder: Path, category: str | None) -> list[Obj]:
    """The cases of a folder, in the order of their files."""
    names = sorted({path.name.removesuffix(".gz") for path in folder.glob("*.jsonl*")})
    found: list[Obj] = []
    for name in names:
        found += read_jsonl(folder, name)
    if category:
        found = [case for case in found if case["category"] == category or category in case["name"]]
    return found


def run(folder: Path, category: str | None = None) -> Outcome:
    """Replay the folder."""
    outcome = Outcome()
    for case in cases(folder, category):
        if case.get("controllers") and not have_controllers():
            continue
        try:
            replay = Replay(case)
        except Exception as error:
            for place, step in enumerate(case["steps"]):
                if "response" in step:
                    outcome.count(
                        False, f"{case['name']}[{place}] no server: {type(error).__name__}: {error}"
                    )
            continue
        for place, step in enumerate(case["steps"]):
            name = (
                f"{case['name']}[{place}] {step.get('method', '')}"
                f" {unquote_plus(quote(step.get('path', '')))}"
            )
            try:
                found = replay.step(step)
            except Exception as error:
                found = [f"{type(error).__name__}: {error}"]
                if "response" not in step:
                    found = None
            if found is not None:
                outcome.count(not found, f"{name}: " + "; ".join(found[:6]))
    return outcome

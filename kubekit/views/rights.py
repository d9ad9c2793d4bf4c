"""Who may do what: every verb on every resource for one subject in one namespace, with the rule behind it.

A row is a resource (those with the same answers share one), a column a verb. Each answer is that of the API
server's authorizers (`Authorization.decide`), with the binding that allows; where none does, the bindings
that name the subject are told with their rules. Nothing is asked over the wire and nothing is recorded.

    cluster.view.rights(user="jane", namespace="prod")
    cluster.view.rights(service_account="default/builder")
    cluster.view.rights(group="dev")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubekit.api.exchange import UserInfo
from kubekit.api.resources import Resource
from kubekit.apiserver.authorization import Attributes, forbidden_message
from kubekit.apiserver.rbac import rule_allows
from kubekit.cluster.errors import KubekitError
from kubekit.views.view import Action, Scene, Table, View

Obj = dict[str, Any]

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
ANYBODY = "system:authenticated"
KINDS = ("user", "group", "service account")
WORDS = {"yes": "allowed", "some": "allowed for some names", "no": "no rule", "none": "no such verb"}


class Rights(View):
    """The rights of one subject; `show(...)` or the form changes the subject or the namespace."""

    name = "rights"

    def __init__(
        self,
        server: Any,
        meta: list[list[str]],
        *,
        kind: str = "user",
        subject: str = "",
        groups: Sequence[str] = (),
        namespace: str = "default",
        seen_groups: Any = None,
    ) -> None:
        self._server, self._meta, self._seen_groups = server, meta, seen_groups
        self.kind, self.subject, self.namespace = kind, subject, namespace
        self.groups = tuple(groups)
        actions: dict[str, Action] = {"show": self._show}
        super().__init__(*self._picture(), actions=actions)

    def show(self, kind: str, subject: str, namespace: str, groups: Sequence[str] = ()) -> Rights:
        """Show somebody else, or another namespace ("" for the whole cluster)."""
        if kind not in KINDS:
            raise KubekitError(f"there is no subject of kind {kind!r}: {', '.join(KINDS)}")
        if not subject:
            raise KubekitError("the name is empty")
        if kind == "service account" and subject.count("/") != 1:
            raise KubekitError(f"a service account is named namespace/name, not {subject!r}")
        self.kind, self.subject, self.namespace, self.groups = kind, subject, namespace, tuple(groups)
        self.update(*self._picture())
        return self

    def _show(self, kind: str = "", subject: str = "", namespace: str = "") -> None:
        self.show(kind, subject.strip(), namespace)

    # -- who -----------------------------------------------------------------------------------------

    def user(self) -> UserInfo:
        """The subject as the authorizers see it; a user's groups are given, or those of the last request."""
        if self.kind == "group":
            return UserInfo("", "", tuple(dict.fromkeys((self.subject, *self.groups, ANYBODY))))
        if self.kind == "service account":
            namespace, _, name = self.subject.partition("/")
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", ANYBODY)
            return UserInfo(f"system:serviceaccount:{namespace}:{name}", "", (*groups, *self.groups))
        known = self.groups or (self._seen_groups(self.subject) if self._seen_groups else ())
        if not known and self.subject.startswith("system:node:"):
            known = ("system:nodes",)
        if self.subject == "system:anonymous":
            return UserInfo(self.subject, "", known or ("system:unauthenticated",))
        return UserInfo(self.subject, "", tuple(dict.fromkeys((*known, ANYBODY))))

    def _known_subjects(self) -> Obj:
        """By kind: everybody whom a binding names."""
        source = self._server.authorization.rbac.source
        found: dict[str, set[str]] = {kind: set() for kind in KINDS}
        bindings = [*source.cluster_role_bindings()]
        for namespace in self._namespaces():
            bindings += source.role_bindings(namespace)
        for binding in bindings:
            for one in binding.get("subjects") or ():
                if one.get("kind") == "ServiceAccount":
                    where = one.get("namespace") or binding["metadata"].get("namespace", "")
                    found["service account"].add(f"{where}/{one.get('name')}")
                elif one.get("kind") in ("User", "Group"):
                    found[one["kind"].lower()].add(str(one.get("name")))
        return {kind: sorted(names) for kind, names in found.items()}

    def _namespaces(self) -> list[str]:
        found = self._server.store("", "namespaces").cache.span()
        return sorted(one["metadata"]["name"] for one in found)

    # -- what ----------------------------------------------------------------------------------------

    def _resources(self) -> list[Resource]:
        """What is served: the namespaced in a namespace, everything in the cluster; each once."""
        found: dict[tuple[str, str], Resource] = {}
        for scope in self._server.scopes():
            resource = scope.resource
            if resource.namespaced or not self.namespace:
                found.setdefault((resource.group, resource.plural), resource)
        return [found[key] for key in sorted(found)]

    def _asked(self, user: UserInfo, verb: str, group: str, plural: str, part: str = "") -> Attributes:
        return Attributes(user, verb, group, "", plural, part, self.namespace)

    def _cell(self, asked: Attributes, offered: bool, rules: list[tuple[Obj, str]]) -> tuple[str, str]:
        """(yes, some, no or none; why)."""
        if not offered:
            return "none", ""
        decision = self._server.authorization.decide(asked)
        if decision.allowed:
            return "yes", decision.reason or "system:masters may do everything"
        for rule, origin in rules:
            names = rule.get("resourceNames") or ()
            if names and rule_allows(asked, {**rule, "resourceNames": []}):
                return "some", f"only {', '.join(names)}; RBAC: allowed by {origin}"
        return "no", forbidden_message(asked, decision.reason)

    def _rows(self, user: UserInfo, rules: list[tuple[Obj, str]]) -> list[Obj]:
        rows: dict[Any, Obj] = {}
        for resource in self._resources():
            parts = [
                ("", resource.verbs),
                *((name, part.verbs) for name, part in resource.subresources.items()),
            ]
            for part, offered in parts:
                name = f"{resource.plural}/{part}" if part else resource.plural
                cells = [
                    self._cell(
                        self._asked(user, verb, resource.group, resource.plural, part), verb in offered, rules
                    )
                    for verb in VERBS
                ]
                verdicts = tuple(verdict for verdict, _ in cells)
                origins = tuple(why if verdict in ("yes", "some") else "" for verdict, why in cells)
                row = rows.setdefault(
                    (resource.group, verdicts, origins),
                    {
                        "group": resource.group,
                        "names": [],
                        "cells": [],
                        "any": "yes" in verdicts or "some" in verdicts,
                    },
                )
                row["names"].append(name)
                if not row["cells"]:
                    row["cells"] = [{"v": verdict, "why": why} for verdict, why in cells]
        return list(rows.values())

    # -- the picture ---------------------------------------------------------------------------------

    def _picture(self) -> tuple[Scene, str, Table]:
        user = self.user()
        rbac = self._server.authorization.rbac
        missing: list[str] = []
        rules = list(rbac.rules_for(user, self.namespace, missing))
        rows = self._rows(user, rules)
        allowed = [row for row in rows if row["any"]]
        hidden = sum(len(row["names"]) for row in rows if not row["any"])
        where = f"in {self.namespace}" if self.namespace else "in the whole cluster"
        title = self._title(rows, where)
        bindings = rbac.explain(self._asked(user, "get", "", "pods"))
        source = self._server.authorization
        modes = ["AlwaysAllow"] if source.always_allow else [*(["Node"] if source.node else []), "RBAC"]
        names = ", ".join(user.groups)
        sentence = (
            f"{self._called()} is in the groups {names}; asked: {', then '.join(modes)}. "
            f"{len(bindings)} binding{'' if len(bindings) == 1 else 's'} name them {where}. RBAC only adds."
        )
        if missing:
            sentence += f" Missing: {', '.join(dict.fromkeys(missing))}."
        scene: Scene = {
            "title": title,
            "meta": self._meta,
            "legend": _legend(rows, bool(hidden)),
            "sentence": sentence,
            "subject": {
                "kind": self.kind,
                "name": self.subject,
                "namespace": self.namespace,
                "called": self._called(),
            },
            "kinds": list(KINDS),
            "known": self._known_subjects(),
            "namespaces": self._namespaces(),
            "verbs": list(VERBS),
            "rows": rows,
            "bindings": [_binding(one) for one in bindings],
            "ask": self._ask_text(),
            "card": {
                "title": f"bindings that name {self._called()}",
                "sub": where,
                "parts": [{"name": "came in", "steps": [_binding(one) for one in bindings]}]
                if bindings
                else [],
            },
        }
        if hidden and allowed:
            text = f"Folded away: {hidden} resources and parts on which nothing is allowed."
            scene["fold"] = {"text": text, "shown": f"{hidden} resources and parts allow nothing."}
        table_rows = [
            [_name(row), *(WORDS[cell["v"]] for cell in row["cells"]), _why(row)] for row in allowed or rows
        ]
        lines = [f"{_name(row)}  {_verbs(row)}  {_why(row)}" for row in allowed]
        rest = [f"{hidden} resources and parts: nothing"] if hidden else []
        table = Table(f"{title}. {sentence}", ["resource", *VERBS, "allowed by"], table_rows)
        return scene, "\n".join([title, sentence, *lines, *rest]), table

    def _called(self) -> str:
        return self.subject if self.kind == "user" else f"{self.kind} {self.subject}"

    def _title(self, rows: list[Obj], where: str) -> str:
        who = self._called()
        cells = [cell["v"] for row in rows for cell in row["cells"] if cell["v"] != "none"]
        if all(verdict == "yes" for verdict in cells):
            return f"{who} may do everything {where}"
        if not any(verdict in ("yes", "some") for verdict in cells):
            return f"{who} may do nothing {where}"

        def count(verbs: Sequence[str]) -> int:
            places = [VERBS.index(verb) for verb in verbs]
            return sum(
                len(row["names"])
                for row in rows
                if any(row["cells"][at]["v"] in ("yes", "some") for at in places)
            )

        reads, writes = count(VERBS[:3]), count(VERBS[3:])
        total = sum(len(row["names"]) for row in rows)
        return f"{who} may read {reads} and write {writes} of {total} resources and parts {where}"

    def _ask_text(self) -> str:
        """How kubectl asks the same; VERB and RESOURCE are filled in by the drawing."""
        user = self.user()
        flags = f" --as '{user.name or 'nobody'}'"
        flags += "".join(
            f" --as-group '{group}'" for group in user.groups if self.kind == "group" and group != ANYBODY
        )
        return f"%kubectl auth can-i VERB RESOURCE{flags}" + (
            f" -n {self.namespace}" if self.namespace else ""
        )


def _binding(one: Obj) -> Obj:
    told = []
    for rule in one["rules"]:
        what = [*(rule.get("resources") or ()), *(rule.get("nonResourceURLs") or ())]
        short = ", ".join(what) if len(what) < 6 else f"{', '.join(what[:5])} and {len(what) - 5} more"
        told.append(f"{', '.join(rule.get('verbs') or ())}: {short}")
    shown = told if len(told) < 5 else [*told[:4], f"{len(told) - 4} more rules"]
    reason = "; ".join(shown) or "its role does not exist, or has no rules"
    return {"asked": f"`{one['binding']}` to {one['subject']}", "verdict": "note", "reason": reason}


def _name(row: Obj) -> str:
    names = row["names"]
    text = ", ".join(names) if len(names) < 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
    return f"{text} ({row['group']})" if row["group"] else text


def _verbs(row: Obj) -> str:
    return ", ".join(
        f"{verb} (some)" if cell["v"] == "some" else verb
        for verb, cell in zip(VERBS, row["cells"], strict=True)
        if cell["v"] in ("yes", "some")
    )


def _why(row: Obj) -> str:
    return "; ".join(dict.fromkeys(cell["why"] for cell in row["cells"] if cell["v"] in ("yes", "some")))


def _legend(rows: list[Obj], hidden: bool) -> list[Obj]:
    found = {cell["v"] for row in rows for cell in row["cells"]}
    glyphs = {
        "yes": ("pass", "allowed"),
        "some": ("part", "for some names"),
        "no": ("skip", "no rule allows"),
    }
    return [{"glyph": glyph, "text": text} for verdict, (glyph, text) in glyphs.items() if verdict in found]

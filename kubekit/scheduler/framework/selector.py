"""Selectors, compiled once and asked often: labels of pods, labels and fields of nodes.

The scheduler matches the same selector against thousands of label maps, so a selector object of a manifest is
turned into a `Selector` first. A missing selector selects nothing, an empty one everything: that difference
is the API's, not ours. `Selector` objects are immutable and may be shared.

>>> no_canary = {"key": "canary", "operator": "DoesNotExist"}
>>> web = Selector.of({"matchLabels": {"app": "web"}, "matchExpressions": [no_canary]})
>>> web.matches({"app": "web"}), web.matches({"app": "web", "canary": "1"})
(True, False)

Source: apimachinery pkg/labels/selector.go; component-helpers scheduling/corev1/nodeaffinity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kubekit.scheduler.framework.term_errors import preferred_errors

Obj = dict[str, Any]
Requirement = tuple[str, str, frozenset[str]]
"""A label key, an operator, the values."""

IN, NOT_IN, EXISTS, MISSING, GREATER, LESS = "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"


def _requirement(expression: Obj) -> Requirement:
    """One entry of matchExpressions; raises ValueError when it can never be evaluated."""
    operator = expression.get("operator", "")
    values = frozenset(expression.get("values") or ())
    if operator in (IN, NOT_IN):
        if not values:
            raise ValueError("for 'in', 'notin' operators, values set can't be empty")
    elif operator in (EXISTS, MISSING):
        if values:
            raise ValueError("values set must be empty for exists and does not exist")
    elif operator in (GREATER, LESS):
        if len(values) != 1 or _integer(next(iter(values))) is None:
            raise ValueError("for 'Gt', 'Lt' operators, the value must be an integer")
    else:
        raise ValueError(f"{operator!r} is not a valid operator")
    return (expression.get("key", ""), operator, values)


def _field_requirement(expression: Obj) -> Requirement:
    """One entry of matchFields: only In and NotIn, with a single value."""
    if expression.get("operator") not in (IN, NOT_IN) or len(expression.get("values") or ()) != 1:
        raise ValueError("must have one element")
    return _requirement(expression)


@lru_cache(maxsize=1024)
def _integer(text: str) -> int | None:
    body = text[1:] if text[:1] in "+-" else text
    if not (body.isascii() and body.isdigit()):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether labels (or fields) satisfy one requirement."""
    key, operator, values = requirement
    if operator == IN:
        return labels.get(key) in values
    if operator == NOT_IN:
        return labels.get(key) not in values
    if operator == EXISTS:
        return key in labels
    if operator == MISSING:
        return key not in labels
    mine = labels.get(key)
    number = _integer(mine) if mine is not None else None
    bound = _integer(next(iter(values)))
    if number is None or bound is None:
        return False
    return number > bound if operator == GREATER else number < bound


class Selector:
    """Requirements that must all hold; `nothing` never matches."""

    __slots__ = ("key", "nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), nothing: bool = False) -> None:
        self.requirements = tuple(requirements)
        self.nothing = nothing
        self.key = (nothing, self.requirements)
        """A hashable value: equal keys match alike."""

    @property
    def empty(self) -> bool:
        """Whether it matches everything because it asks for nothing."""
        return not self.nothing and not self.requirements

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether all requirements hold for these labels."""
        if self.nothing:
            return False
        for requirement in self.requirements:  # noqa: SIM110 (hot: a generator costs more)
            if not holds(requirement, labels):
                return False
        return True

    def and_also(self, other: Selector) -> Selector:
        """Both selectors' requirements together."""
        if self.nothing or other.nothing:
            return NOTHING
        return Selector((*self.requirements, *other.requirements))

    @staticmethod
    def from_labels(labels: Mapping[str, str]) -> Selector:
        """The selector that wants exactly these labels, e.g. a Service's `spec.selector`."""
        return Selector((key, IN, frozenset((value,))) for key, value in sorted(labels.items()))

    @staticmethod
    def of(selector: Obj | None) -> Selector:
        """A LabelSelector of the API; raises ValueError for one that validation should have refused."""
        if selector is None:
            return NOTHING
        requirements = list(Selector.from_labels(selector.get("matchLabels") or {}).requirements)
        requirements += [_requirement(expression) for expression in selector.get("matchExpressions") or ()]
        return Selector(requirements)


NOTHING = Selector(nothing=True)
EVERYTHING = Selector()


class NodeTerm:
    """One nodeSelectorTerm: expressions over labels and fields, which must all hold."""

    __slots__ = ("broken", "fields", "labels", "never")

    def __init__(self, term: Obj) -> None:
        expressions = term.get("matchExpressions") or ()
        fields = term.get("matchFields") or ()
        self.never = not expressions and not fields  # an empty term selects no node
        self.broken = False
        self.labels: tuple[Requirement, ...] = ()
        self.fields: tuple[Requirement, ...] = ()
        try:
            self.labels = tuple(_requirement(expression) for expression in expressions)
            self.fields = tuple(_field_requirement(expression) for expression in fields)
        except ValueError:
            self.never = self.broken = True  # it matches nothing; other terms still may

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """Whether a node with these labels and this name satisfies the term."""
        if self.never:
            return False
        for requirement in self.labels:
            if not holds(requirement, labels):
                return False
        if self.fields:
            node_fields = {"metadata.name": name}
            for requirement in self.fields:
                if not holds(requirement, node_fields):
                    return False
        return True


class NodeSelector:
    """A NodeSelector of the API: at least one term must hold."""

    __slots__ = ("terms",)

    def __init__(self, selector: Obj) -> None:
        self.terms = [NodeTerm(term) for term in selector.get("nodeSelectorTerms") or ()]

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """Whether a node with these labels and this name is selected."""
        return any(term.matches(labels, name) for term in self.terms)


class RequiredNodeAffinity:
    """What a pod demands of its node: `nodeSelector` and required node affinity, both."""

    __slots__ = ("affinity", "node_selector")

    def __init__(self, spec: Obj) -> None:
        wanted = spec.get("nodeSelector")
        self.node_selector = Selector.from_labels(wanted) if wanted else None
        affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
            "requiredDuringSchedulingIgnoredDuringExecution"
        )
        self.affinity = NodeSelector(affinity) if affinity is not None else None

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        """Whether the node may be used."""
        if self.node_selector is not None and not self.node_selector.matches(labels):
            return False
        return self.affinity is None or self.affinity.matches(labels, name)


class PreferredTerms:
    """Preferred scheduling terms: each that holds adds its weight. `problem` tells what cannot be parsed."""

    __slots__ = ("problem", "terms")

    def __init__(self, terms: list[Obj]) -> None:
        self.terms = [
            (NodeTerm(term.get("preference") or {}), int(term.get("weight", 0)))
            for term in terms
            if term.get("weight", 0)
        ]
        broken = any(term.broken for term, _ in self.terms)
        self.problem = preferred_errors(terms, lambda text: _integer(text) is not None) if broken else ""

    def score(self, labels: Mapping[str, str], name: str) -> int:
        """The sum of the weights of the terms that hold for a node."""
        return sum(weight for term, weight in self.terms if term.matches(labels, name))

"""Known pods: a pod like one that was found in order need not be looked at again.

Most pods of a cluster come from few templates, and to look at a whole spec is the dearest part of creating
a pod. Whether a spec is valid depends on nothing but the spec and the annotations beside it, so a fingerprint
of both is enough to know it again. Only that everything was in order is remembered, never what was wrong.

    if not pods.know(mark := fingerprint(metadata, spec)):
        ...look...; pods.learn(mark)

The volume that admission adds has another name in every pod. Names of that kind are one name here, as long as
a pod has only one of them: nothing that is asked about a spec tells two such names apart.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from hashlib import blake2b

import orjson

from kubekit.api.meta import Obj

LIMIT = 4096
"""How many pods are remembered, the latest ones."""

_TOKEN_PREFIX = b'"kube-api-access-'
_TOKEN_VOLUME = re.compile(_TOKEN_PREFIX + rb'[a-z0-9]{5}"')
_TOKEN_LENGTH = len(_TOKEN_PREFIX) + 6
_ANY = b"\0"
"""Stands for the one name of the token volume; JSON has no such byte."""


def fingerprint(metadata: Obj, spec: Obj) -> bytes:
    """What tells pods apart as far as their specs' validity goes; b"" for one that must be looked at.

    A generic ephemeral volume makes a claim that is named after its pod, so its pod's name counts too.
    """
    try:
        text = orjson.dumps((metadata.get("annotations"), spec))
    except TypeError:
        return b""
    if b'"ephemeral":' in text:
        return b""
    place = text.find(_TOKEN_PREFIX)
    if place >= 0:
        name = text[place : place + _TOKEN_LENGTH]
        if _TOKEN_VOLUME.fullmatch(name) and text.count(_TOKEN_PREFIX) == text.count(name):
            text = text.replace(name, _ANY)
    return blake2b(text, digest_size=16).digest()


class KnownPods:
    """Fingerprints of what was found in order."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._marks: OrderedDict[bytes, None] = OrderedDict()

    def know(self, mark: bytes) -> bool:
        """Whether a pod with this fingerprint was in order."""
        return mark in self._marks

    def learn(self, mark: bytes) -> None:
        """A pod with this fingerprint was in order."""
        if mark:
            self._marks[mark] = None
            if len(self._marks) > self._limit:
                self._marks.popitem(last=False)

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

import orjson

from kubekit.api.meta import Obj

LIMIT = 1024
"""How many pods are remembered, the latest ones."""
LONGEST = 16 * 1024
"""Bytes of a fingerprint; who has a longer one is looked at each time."""

_TOKEN_PREFIX = b'"kube-api-access-'
_TOKEN_VOLUME = re.compile("kube-api-access-[a-z0-9]{5}").fullmatch
_ANY = b"\0"
"""Stands for the one name of the token volume; JSON has no such byte."""


def fingerprint(metadata: Obj, spec: Obj) -> bytes:
    """What tells pods apart as far as their specs' validity goes; b"" for one that must be looked at.

    A generic ephemeral volume makes a claim that is named after its pod, so its pod's name counts too.
    """
    token = ""
    for volume in spec.get("volumes") or ():
        if "ephemeral" in volume:
            return b""
        if not token and _TOKEN_VOLUME(volume.get("name", "")):
            token = volume["name"]
    try:
        text = orjson.dumps((metadata.get("annotations"), spec))
    except TypeError:
        return b""
    if token:
        name = b'"%b"' % token.encode()
        if text.count(_TOKEN_PREFIX) == text.count(name):
            text = text.replace(name, _ANY)
    return text if len(text) <= LONGEST else b""


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
            # A copy, since the encoder's own text has slack.
            self._marks[bytes(memoryview(mark))] = None
            if len(self._marks) > self._limit:
                self._marks.popitem(last=False)

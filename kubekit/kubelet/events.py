"""Events of the kubelet: about a pod, about one of its containers, about the node.

An event about a container names it by its field path, e.g. ``spec.containers{web}``. Everything goes through
the client's `EventRecorder`, which merges repetitions as the real one does; nothing here keeps state.
"""

from __future__ import annotations

from typing import Protocol

from kubekit.api.meta import Obj

CONTAINERS, INIT, EPHEMERAL = "containers", "initContainers", "ephemeralContainers"


class Recorder(Protocol):
    """What is needed of the client's EventRecorder."""

    def event(self, obj: Obj, type: str, reason: str, message: str, field_path: str = "") -> None:
        """Record one event about `obj`."""
        ...


class ContainerEvents:
    """Events about containers; `kind` is the list of the pod's spec in which the container stands."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def normal(self, pod: Obj, container: Obj, kind: str, reason: str, message: str) -> None:
        """A Normal event about a container."""
        self._recorder.event(pod, "Normal", reason, message, field_path=path_of(container, kind))

    def warning(self, pod: Obj, container: Obj, kind: str, reason: str, message: str) -> None:
        """A Warning event about a container."""
        self._recorder.event(pod, "Warning", reason, message, field_path=path_of(container, kind))

    def pod(self, pod: Obj, type: str, reason: str, message: str) -> None:
        """An event about the whole pod."""
        self._recorder.event(pod, type, reason, message)


def path_of(container: Obj, kind: str) -> str:
    """The field path of a container, e.g. ``spec.initContainers{migrate}``."""
    return f"spec.{kind}{{{container['name']}}}"

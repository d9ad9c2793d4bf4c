"""Validation of probes and lifecycle hooks.

Called by `pod_containers`.
Source: pkg/apis/core/validation (validateProbe, validateHandler, validateLifecycle).
"""

from __future__ import annotations

from kubekit.api import formats
from kubekit.api.field_path import FieldError, Path, forbidden, invalid, not_supported, required
from kubekit.api.meta import Obj
from kubekit.apiserver.validation.numbers import nonnegative, port_number, port_number_or_name

_ONE = "may not specify more than 1 handler type"
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_WINDOWS_SIGNALS = ("SIGKILL", "SIGTERM")
_LINUX_SIGNALS = tuple(
    sorted(
        [
            "SIG" + name
            for name in [
                "ABRT",
                "ALRM",
                "BUS",
                "CHLD",
                "CLD",
                "CONT",
                "FPE",
                "HUP",
                "ILL",
                "INT",
                "IO",
                "IOT",
                "KILL",
                "PIPE",
                "POLL",
                "PROF",
                "PWR",
                "QUIT",
                "SEGV",
                "STKFLT",
                "STOP",
                "SYS",
                "TERM",
                "TRAP",
                "TSTP",
                "TTIN",
                "TTOU",
                "URG",
                "USR1",
                "USR2",
                "VTALRM",
                "WINCH",
                "XCPU",
                "XFSZ",
                "RTMIN",
                "RTMAX",
            ]
        ]
        + [f"SIGRTMIN+{number}" for number in range(1, 16)]
        + [f"SIGRTMAX-{number}" for number in range(1, 15)]
    )
)


def _http(action: Obj, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not action.get("path"):
        errors.append(required(path.child("path")))
    errors += port_number_or_name(action.get("port", 0), path.child("port"))
    scheme = action.get("scheme", "")
    if scheme not in ("HTTP", "HTTPS"):
        errors.append(not_supported(path.child("scheme"), scheme, ("HTTP", "HTTPS")))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        errors += [invalid(path.child("httpHeaders"), name, text) for text in formats.http_header_name(name)]
    return errors


def _sleep(action: Obj, grace: int | None, path: Path) -> list[FieldError]:
    seconds = action.get("seconds", 0)
    if grace is not None and not 0 <= seconds <= grace:
        text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        return [invalid(path, seconds, text)]
    return []


def _handler(holder: Obj, kinds: tuple[str, ...], grace: int | None, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    count = 0
    for kind in kinds:
        action = holder.get(kind)
        if action is None:
            continue
        at = path.child(kind)
        count += 1
        if count > 1:
            errors.append(forbidden(at, _ONE))
        elif kind == "exec":
            if not action.get("command"):
                errors.append(required(at.child("command")))
        elif kind == "httpGet":
            errors += _http(action, at)
        elif kind == "tcpSocket":
            errors += port_number_or_name(action.get("port", 0), at.child("port"))
        elif kind == "grpc":
            errors += port_number(action.get("port", 0), at.child("port"))
        else:
            errors += _sleep(action, grace, at)
    if not count:
        errors.append(required(path, "must specify a handler type"))
    return errors


def _probe(probe: Obj, grace: int | None, path: Path) -> list[FieldError]:
    errors = _handler(probe, _PROBE_HANDLERS, grace, path)
    for field in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        if probe.get(field, 0) < 0:
            errors += nonnegative(probe[field], path.child(field))
    own = probe.get("terminationGracePeriodSeconds")
    if own is not None and own <= 0:
        errors.append(invalid(path.child("terminationGracePeriodSeconds"), own, "must be greater than 0"))
    return errors


def validate_probes(container: Obj, grace: int | None, path: Path) -> list[FieldError]:
    """The three probes of a container, in the original's order."""
    errors: list[FieldError] = []
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(kind)
        if probe is None:
            continue
        at = path.child(kind)
        errors += _probe(probe, grace, at)
        if kind == "readinessProbe":
            own = probe.get("terminationGracePeriodSeconds")
            if own is not None:
                text = "must not be set for readinessProbes"
                errors.append(invalid(at.child("terminationGracePeriodSeconds"), own, text))
        elif probe.get("successThreshold", 0) != 1:
            errors.append(
                invalid(at.child("successThreshold"), probe.get("successThreshold", 0), "must be 1")
            )
    return errors


def validate_lifecycle(lifecycle: Obj, grace: int | None, os: Obj | None, path: Path) -> list[FieldError]:
    """Lifecycle hooks and the stop signal."""
    errors: list[FieldError] = []
    for kind in ("postStart", "preStop"):
        if (hook := lifecycle.get(kind)) is not None:
            errors += _handler(hook, _HOOK_HANDLERS, grace, path.child(kind))
    signal = lifecycle.get("stopSignal")
    if signal is not None:
        at = path.child("stopSignal")
        name = (os or {}).get("name")
        signals = {"windows": _WINDOWS_SIGNALS, "linux": _LINUX_SIGNALS}.get(name or "")
        if os is None:
            errors.append(forbidden(at, "may not be set for containers with empty `spec.os.name`"))
        elif signals is not None and signal not in signals:
            errors.append(not_supported(at, signal, signals))
    return errors

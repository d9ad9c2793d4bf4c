"""Reading back: an object that a patch has changed becomes one of its kind again.

Used by mutating policies and webhooks. Upstream: apiserver/pkg/admission/plugin
(policy/mutating/dispatcher.go, webhook/mutating/dispatcher.go).
"""

from __future__ import annotations

from typing import Any

from kubekit.api import status_error as errors
from kubekit.api.defaults import apply_defaults
from kubekit.api.schema import for_kind
from kubekit.apiserver.admission.plugin import Attributes

Obj = dict[str, Any]


def read_again(a: Attributes, changed: Obj, strict: bool = True) -> Obj:
    """The object with values of the right types and its defaults; what is unknown is refused, or dropped.

    Raises InternalError. Custom resources are checked by their own schema later.
    """
    version, kind = changed.get("apiVersion", ""), changed.get("kind", "")
    scope = a.ctx.server.scope_of_kind(version, kind)
    if scope is None or scope.custom is not None:
        return changed
    try:
        read, problems = for_kind(version, kind).decode(changed, strict="Strict" if strict else "Ignore")
    except ValueError as error:
        raise errors.internal_error(str(error)) from None
    if problems and strict:
        raise errors.internal_error(f"strict decoding error: {', '.join(problems)}")
    apply_defaults(read)
    return read

"""The body of a request: from bytes to an object of the endpoint's kind.

`read_body` gives the raw value within the size limit, `decode_object` an object that is private to the
request: parsed, of the right kind, pruned to the schema, defaulted. Wrong bodies are refused with the
texts of the real decoder. Upstream: apiserver/pkg/endpoints/handlers (create.go, rest.go),
apimachinery/pkg/runtime/serializer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from kubekit.api import json_text, protobuf
from kubekit.api import status_error as errors
from kubekit.api.known_specs import completed
from kubekit.api.schema import for_kind
from kubekit.apiserver.endpoints import body_limits, go_json
from kubekit.apiserver.endpoints.negotiation import body_form
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.registry.defaulting import apply_defaults

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

LIMIT = 3 * 1024 * 1024
SCHEME = 'scheme "pkg/api/legacyscheme/scheme.go:30"'


def read_body(ctx: Context) -> bytes | Any:
    """The body as it came: bytes, or an object from a component; raises RequestEntityTooLarge."""
    body = ctx.request.body
    if body is None:
        return b""
    if isinstance(body, bytes) and len(body) > LIMIT:
        raise errors.too_large(f"limit is {LIMIT}")
    return body


def parse(ctx: Context, body: bytes | Any, kind: str) -> Any:
    """The JSON value of a body sent as JSON, YAML or protobuf; raises BadRequest in the decoder's words."""
    if not isinstance(body, bytes):
        return body
    form = body_form(ctx.request.headers.get("content-type"))
    if form == "protobuf":
        try:
            return protobuf.decode(body)
        except protobuf.ProtobufError as error:
            raise errors.bad_request(str(error)) from None
    if form == "yaml":
        try:
            return _load(body)
        except yaml.YAMLError as error:
            text = f"couldn't get version/kind; json parse error: {_yaml_text(error)}"
            raise unrecognized(kind, text, body) from None
    try:
        value = json_text.parse(body)
        if body_limits.may_be_deep(body):
            body_limits.check_depth(value)
        return value
    except (json_text.JSONTextError, body_limits.TooMuch) as error:
        raise unrecognized(kind, f"couldn't get version/kind; json parse error: {error}", body) from None
    except RecursionError:
        text = "couldn't get version/kind; json parse error: exceeded max depth"
        raise unrecognized(kind, text, body) from None


def _load(body: bytes) -> Any:
    """The value of a YAML text; raises YAMLError."""
    try:
        value = yaml.load(body, Loader=_Loader)
        body_limits.check_repeats(value)
        body_limits.check_depth(value)
        body_limits.check_text(value)
    except RecursionError:
        raise yaml.YAMLError("exceeded max depth of 10000") from None
    except body_limits.TooMuch as error:
        raise yaml.YAMLError(str(error)) from None
    return value


class _Loader(yaml.SafeLoader):
    """YAML as sigs.k8s.io/yaml reads it: no timestamps."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, regexp) for tag, regexp in found if tag != "tag:yaml.org,2002:timestamp"]
    for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml_text(error: yaml.YAMLError) -> str:
    """The reader's complaint in libyaml's words and with its idea of lines."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f"error converting YAML to JSON: yaml: {error}"
    problem = _FOUND.sub(r"did not find \1", error.problem or "")
    mark = error.problem_mark
    line = error.context_mark.line if error.context_mark is not None else 0
    if not line:
        at_end = "<stream end>" in (error.problem or "") and mark.column
        line = mark.line + (1 if at_end else 0)
    if line and isinstance(error, yaml.scanner.ScannerError):
        line += 1
    where = f"line {line}: " if line else ""
    return f"error converting YAML to JSON: yaml: {where}{problem}"


_FOUND = re.compile(r"^(expected .+?), but (?:got|found) .+$", re.DOTALL)


def from_yaml(body: bytes) -> Any:
    """The value of an apply's body; raises BadRequest in the words of the YAML reader."""
    try:
        return _load(body)
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding YAML: {_yaml_text(error)}") from None


def duplicate_keys(body: bytes) -> list[str]:
    """What the strict YAML reader says of each key that is written twice."""
    found: list[str] = []

    def look(node: yaml.Node | None) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    found.append(f'line {key.start_mark.line + 1}: key "{key.value}" already set in map')
                seen.add(key.value)
                look(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                look(item)

    look(yaml.compose(body, Loader=_Loader))
    return found


def strict_text(duplicates: list[str]) -> str:
    """Keys written twice as one error text."""
    return "yaml: unmarshal errors:\n" + "\n".join("  " + line for line in duplicates)


def unrecognized(kind: str, text: str, body: bytes | Any) -> errors.StatusError:
    """The refusal of a body whose kind could not even be read."""
    return errors.bad_request(
        f"the object provided is unrecognized (must be of type {kind}): {text} ({go_json.summary(body)})"
    )


def identify(value: Any, body: bytes | Any, kind: str) -> tuple[str, str]:
    """(apiVersion, kind) that a body claims, "" where it says nothing; raises BadRequest."""
    if value is None:
        return "", ""
    problem = go_json.type_meta_problem(value)
    if problem:
        raise unrecognized(kind, f"couldn't get version/kind; json parse error: {problem}", body)
    api_version = value.get("apiVersion") or ""
    if api_version.count("/") > 1:
        raise unrecognized(kind, f"unexpected GroupVersion string: {api_version}", body)
    return api_version, value.get("kind") or ""


def decode_object(ctx: Context, scope: Scope, body: bytes | Any, validation: str) -> Obj:
    """The request's object: checked for its kind, decoded, defaulted; raises BadRequest."""
    resource = scope.resource
    return decode_as(ctx, scope, body, validation, resource.api_version, resource.kind)


def decode_as(
    ctx: Context, scope: Scope, body: bytes | Any, validation: str, api_version: str, kind: str
) -> Obj:
    """As `decode_object`, for a subresource whose kind differs from the resource's."""
    value = parse(ctx, body, kind) if isinstance(body, bytes) else body
    if scope.decode is not None and kind == scope.resource.kind:
        return _sent(ctx, scope.decode(ctx, scope, value, validation))
    given_version, given_kind = api_version, kind
    if type(value) is not dict or value.get("kind") != kind or value.get("apiVersion") != api_version:
        given_version, given_kind = identify(value, body, kind)
        given_version, given_kind = given_version or api_version, given_kind or kind
    if value is None:
        value = {}
    if given_kind != kind or given_version != api_version:
        check_kind(ctx, scope, given_version, given_kind, api_version, kind)
    twice: list[str] = []
    if isinstance(body, bytes) and body_form(ctx.request.headers.get("content-type")) == "yaml":
        twice = duplicate_keys(body)
    known = completed(value) if kind == "Pod" and type(value) is dict else None
    if known is not None:
        # In its place, so that the order of the fields stays.
        value = {**value, "spec": {}}
    obj = decode_value(ctx, value, given_version, given_kind, kind, validation, twice)
    obj["apiVersion"] = api_version
    obj["kind"] = kind
    if known is not None:
        obj["spec"] = known
    else:
        apply_defaults(obj)
    return obj if ctx.trail is None else _sent(ctx, obj)


def _sent(ctx: Context, obj: Obj) -> Obj:
    """Tell the audit what was sent."""
    if ctx.trail is not None:
        ctx.trail.sent(obj)
    return obj


def check_kind(ctx: Context, scope: Scope, version: str, given: str, api_version: str, kind: str) -> None:
    """Refuse a body of another kind or version; raises BadRequest."""
    short = version.rpartition("/")[2]
    if ctx.server.knows_kind(version, given):
        if given == kind:
            raise errors.bad_request(
                f"the API version in the data ({version}) does not match the expected API version"
                f" ({api_version})"
            )
        hub = api_version.rpartition("/")[0].partition(".")[0] or "core"
        package = version.partition("/")[0].partition(".")[0] if "/" in version else "v1"
        problem = (
            f"converting ({short if '/' in version else package}.{given}) to ({hub}.{kind}): unknown"
            " conversion"
        )
    elif ctx.server.knew_version(version, given) and given == kind:
        raise errors.bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({api_version})"
        )
    else:
        problem = f'no kind "{given}" is registered for version "{version}" in {SCHEME}'
    raise errors.bad_request(f'{given} in version "{short}" cannot be handled as a {kind}: {problem}')


def decode_value(
    ctx: Context,
    value: Any,
    version: str,
    given: str,
    kind: str,
    validation: str,
    twice: list[str] | None = None,
) -> Obj:
    """Prune and type-check a value by its schema; unknown fields warn or are refused as asked."""
    compiled = for_kind(version, given)
    try:
        obj, problems = compiled.decode(value, strict=validation)
    except ValueError as error:
        short = version.rpartition("/")[2]
        raise errors.bad_request(
            f'{given} in version "{short}" cannot be handled as a {kind}: {error}'
        ) from None
    if (problems or twice) and validation != "Ignore":
        if validation == "Strict":
            short = version.rpartition("/")[2]
            joined = ", ".join([strict_text(twice), *problems] if twice else problems)
            raise errors.bad_request(
                f'{given} in version "{short}" cannot be handled as a {kind}: strict decoding error: {joined}'
            )
        for text in (*(twice or ()), *problems):
            ctx.warn(text)
    metadata = obj.get("metadata")
    if metadata is None:
        obj["metadata"] = {}
    return obj

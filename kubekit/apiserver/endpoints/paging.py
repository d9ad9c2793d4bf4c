"""Paging: lists in pieces, and lists of a past moment.

A continue token is base64 of ``{"v":"meta.k8s.io/v1","rv":412,"start":"shop/web\\u0000"}``: the revision
of the first page and the key to go on from. Every page is read from the store at that revision, so that
all pages show one moment; when etcd has compacted it the answer is 410 with a token to go on,
inconsistently, from the same key. Upstream: apiserver/pkg/storage/continue.go, storage/util.go,
storage/etcd3/store.go and errors.go.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kubekit.api import json_text
from kubekit.api import status_error as errors
from kubekit.apiserver.endpoints import go_json
from kubekit.apiserver.endpoints.options import ListOptions
from kubekit.apiserver.endpoints.scope import Scope
from kubekit.apiserver.storage import Compacted, Future, complaint

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list"
    " without the continue parameter"
)
INCONSISTENT = (
    f"{_TOO_OLD}, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created,"
    " modified, or deleted between the time the first chunk was returned and now may show up in the list."
)
LIST_EXPIRED = "The resourceVersion for the provided list is too old."
CHUNK = 1000


class Page(NamedTuple):
    """One page: its objects, the list's revision, the next page's token, what remains (None: unknown)."""

    items: list[Obj]
    revision: int
    token: str
    remaining: int | None


def parse_revision(text: str) -> int:
    """The resourceVersion parameter of a read; 0 when it is not given; raises BadRequest."""
    if text in ("", "0"):
        return 0
    if not (text.isascii() and text.isdigit()):
        problem = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
        raise errors.bad_request(f"invalid resource version: {problem}")
    number = int(text)
    if number >= 2**64:
        problem = (
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": value out of'
            " range"
        )
        raise errors.bad_request(f"invalid resource version: {problem}")
    return number


def check_fresh(ctx: Context, scope: Scope, text: str) -> None:
    """A read "not older than" a revision that does not exist yet times out; one that names no revision must
    see everything that was written before."""
    wanted = parse_revision(text)
    if not wanted:
        if not text:
            ctx.server.storage.agree()
        return
    present = ctx.server.storage.revision()
    if wanted > present:
        raise too_large(wanted, present)


def too_large(wanted: int, present: int) -> errors.StatusError:
    """The refusal of a resourceVersion from the future."""
    error = errors.timeout(f"Too large resource version: {wanted}, current: {present}", 1)
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    error.status.setdefault("details", {})["causes"] = [cause]
    return error


def encode_token(revision: int, start: str) -> str:
    """The continue token for what comes at and after the key `start` (relative to the resource's prefix)."""
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> tuple[int, str]:
    """(revision, start) of a token; raises BadRequest in the real server's words."""
    invalid = "continue key is not valid"
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _bad_token(f"{invalid}: illegal base64 data at input byte {_first_bad(token)}") from None
    try:
        value = json_text.parse(data.decode("latin-1"))
    except json_text.JSONTextError as error:
        raise _bad_token(f"{invalid}: {error}") from None
    if not isinstance(value, dict):
        text = f"json: cannot unmarshal {go_json.go_type(value)} into Go value of type storage.continueToken"
        raise _bad_token(f"{invalid}: {text}")
    if value.get("v", "") != "meta.k8s.io/v1":
        raise _bad_token(f"{invalid}: server does not recognize this encoded version {value.get('v', '')}")
    if not value.get("rv"):
        raise _bad_token(f"{invalid}: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    start = value.get("start") or ""
    if not start:
        raise _bad_token(f"{invalid}: encoded start key empty (version meta.k8s.io/v1)")
    rooted = start if start.startswith("/") else "/" + start
    if posixpath.normpath(rooted) != rooted or rooted.startswith("//"):
        raise _bad_token(f"{invalid}: {start}")
    return int(value["rv"]), rooted[1:]


def _first_bad(token: str) -> int:
    for place, letter in enumerate(token):
        if not (letter.isascii() and (letter.isalnum() or letter in "-_")):
            return place
    return len(token)


def _bad_token(text: str) -> errors.StatusError:
    return errors.bad_request(f"invalid continue token: {text}")


def read(
    ctx: Context, scope: Scope, options: ListOptions, matches: Callable[[Obj], bool] | None, namespace: str
) -> Page:
    """One page of a list, from the store at the revision that the options or the token name."""
    store = scope.store
    prefix = store.cache.prefix + (f"{namespace}/" if namespace else "")
    start, at = "", 0
    if options.continue_:
        at, relative = decode_token(options.continue_)
        start = prefix + relative
        if options.resource_version not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        at = max(at, 0)
    else:
        wanted = parse_revision(options.resource_version)
        if options.resource_version_match == "Exact" or (
            not options.resource_version_match and options.limit > 0
        ):
            at = wanted
        elif wanted:
            check_fresh(ctx, scope, options.resource_version)
    present = ctx.server.storage.revision()
    if at > present:
        raise too_large(at, present)
    revision = at or present
    items, last, more, left = _collect(ctx, scope, options, matches, prefix, start, revision)
    token, remaining = "", None
    if more:
        token = encode_token(revision, last[len(prefix) :] + "\0")
        if matches is None:
            remaining = left
    return Page(items, revision, token, remaining)


def _collect(
    ctx: Context,
    scope: Scope,
    options: ListOptions,
    matches: Callable[[Obj], bool] | None,
    prefix: str,
    start: str,
    at: int,
) -> tuple[list[Obj], str, bool, int]:
    """(objects, the last key looked at, whether more follows, how many follow)."""
    cache = scope.store.cache
    limit = max(options.limit, 0)
    items: list[Obj] = []
    last = ""
    while True:
        want = limit - len(items) if matches is None and limit else CHUNK if limit else 0
        try:
            found, total = ctx.server.storage.backend.get_prefix(prefix, at, start, want)
        except Compacted:
            raise _compacted(options, prefix) from None
        except Future:
            raise too_large(at, ctx.server.storage.revision()) from None
        for place, stored in enumerate(found):
            cached = cache.objects.get(stored.key)
            if cached is None or cached["metadata"]["resourceVersion"] != str(stored.mod_revision):
                try:
                    cached = cache.storage.read(stored.key, stored.value, stored.mod_revision)
                except ValueError as error:
                    raise errors.internal_error(complaint(stored.key, error, listing=True)) from None
            last = stored.key
            if matches is None or matches(cached):
                items.append(cached)
                if limit and len(items) == limit:
                    left = total - place - 1
                    return items, last, left > 0, left
        if len(found) >= total or not found:
            return items, last, False, 0
        start = last + "\0"


def _compacted(options: ListOptions, prefix: str) -> errors.StatusError:
    if not options.continue_:
        return errors.expired(LIST_EXPIRED)
    error = errors.expired(INCONSISTENT)
    _, start = decode_token(options.continue_)
    error.status["metadata"] = {"continue": encode_token(-1, start)}
    return error

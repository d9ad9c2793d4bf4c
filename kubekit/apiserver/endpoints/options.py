"""Options: what the query string of a request asks for, checked as the real server checks it.

`write_options(ctx, kind)` reads dryRun, fieldManager, fieldValidation (CreateOptions, UpdateOptions,
PatchOptions), `list_options(ctx)` reads selectors, paging and watching. Bad values are 400, values that are
well-formed and not allowed are 422 with the options' kind. Upstream: apimachinery meta/v1/validation and
meta/internalversion/validation, the generated parameter converters of meta/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kubekit.api import field_path as fields
from kubekit.api import status_error as errors
from kubekit.api.field_path import FieldError

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]
META_GROUP = "meta.k8s.io"
MANAGER_BYTES = 128


@dataclass(slots=True)
class WriteOptions:
    """CreateOptions, UpdateOptions and PatchOptions in one."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool | None = None


@dataclass(slots=True)
class ListOptions:
    """ListOptions of a list, a watch or a deletecollection."""

    label_selector: str = ""
    field_selector: str = ""
    watch: bool = False
    allow_bookmarks: bool = False
    resource_version: str = ""
    resource_version_match: str = ""
    timeout_seconds: int | None = None
    limit: int = 0
    continue_: str = ""
    send_initial_events: bool | None = None


def _int(ctx: Context, name: str) -> int | None:
    values = ctx.request.query.get(name)
    if not values:
        return None
    return parse_int(values[0])


def parse_int(text: str) -> int:
    """An int64 of a query parameter; raises BadRequest with Go's words."""
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number


def _bool(ctx: Context, name: str) -> bool | None:
    values = ctx.request.query.get(name)
    if not values:
        return None
    return values[0].lower() not in ("false", "0")


def write_options(ctx: Context, kind: str, apply: bool = False) -> WriteOptions:
    """The options of a create ("CreateOptions"), update or patch; sets `ctx.dry_run`."""
    query = ctx.request.query
    if not query:
        return _DEFAULT if not apply else _checked(WriteOptions(), [], kind, "", apply, False)
    given = WriteOptions(
        field_manager=ctx.request.param("fieldManager"),
        field_validation=ctx.request.param("fieldValidation"),
        force=_bool(ctx, "force") if kind == "PatchOptions" else None,
    )
    given.dry_run = "All" in query.get("dryRun", ())
    ctx.dry_run = given.dry_run
    return _checked(
        given, query.get("dryRun", []), kind, given.field_validation, apply, kind == "PatchOptions"
    )


_DEFAULT = WriteOptions()


def _checked(
    given: WriteOptions, dry_run: list[str], kind: str, validation: str, apply: bool, patch: bool
) -> WriteOptions:
    problems: list[FieldError] = []
    if apply and not given.field_manager:
        problems.append(fields.required("fieldManager", "is required for apply patch"))
    if patch and not apply and given.force is not None:
        problems.append(fields.forbidden("force", "may not be specified for non-apply patch"))
    problems += check_manager(given.field_manager)
    problems += check_dry_run(dry_run)
    if validation not in ("", "Ignore", "Strict", "Warn"):
        problems.append(fields.not_supported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]))
    if problems:
        raise errors.invalid(kind, META_GROUP, "", problems)
    given.field_validation = validation or "Warn"
    return given


def check_manager(manager: str) -> list[FieldError]:
    """The field errors of a field manager's name."""
    problems: list[FieldError] = []
    if len(manager.encode()) > MANAGER_BYTES:
        problems.append(fields.too_long("fieldManager", MANAGER_BYTES))
    for index, letter in enumerate(manager):
        if not letter.isprintable():
            text = f"invalid character U+{ord(letter):04X} (at position {index})"
            problems.append(fields.invalid("fieldManager", manager, text))
    return problems


def check_dry_run(values: list[str]) -> list[FieldError]:
    """The field errors of dryRun."""
    if all(value == "All" for value in values):
        return []
    return [fields.not_supported("dryRun", values, ["All"])]


def list_options(ctx: Context) -> ListOptions:
    """The ListOptions of a list, watch or deletecollection request."""
    if not ctx.request.query:
        return ListOptions()
    param = ctx.request.param
    options = ListOptions(
        label_selector=param("labelSelector"),
        field_selector=param("fieldSelector"),
        watch=ctx.info.verb == "watch",
        allow_bookmarks=bool(_bool(ctx, "allowWatchBookmarks")),
        resource_version=param("resourceVersion"),
        resource_version_match=param("resourceVersionMatch"),
        timeout_seconds=_int(ctx, "timeoutSeconds"),
        limit=_int(ctx, "limit") or 0,
        continue_=param("continue"),
        send_initial_events=_bool(ctx, "sendInitialEvents"),
    )
    problems = _check_list(options)
    if problems:
        raise errors.invalid("ListOptions", META_GROUP, "", problems)
    return options


def _check_list(options: ListOptions) -> list[FieldError]:
    problems: list[FieldError] = []
    match = options.resource_version_match
    path = "resourceVersionMatch"
    with_continue = "resourceVersionMatch is forbidden when continue is provided"
    if options.watch:
        if options.send_initial_events is not None and match != "NotOlderThan":
            problems.append(
                fields.forbidden(
                    path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
                )
            )
        if match:
            if options.send_initial_events is None:
                text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
                problems.append(fields.forbidden(path, text))
            if match != "NotOlderThan":
                problems.append(fields.not_supported(path, match, ["NotOlderThan"]))
            if options.continue_:
                problems.append(fields.forbidden(path, with_continue))
        return problems
    if match:
        if not options.resource_version:
            problems.append(
                fields.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
            )
        if options.continue_:
            problems.append(fields.forbidden(path, with_continue))
        if match not in ("Exact", "NotOlderThan"):
            problems.append(fields.not_supported(path, match, ["Exact", "NotOlderThan", ""]))
        elif match == "Exact" and options.resource_version == "0":
            text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            problems.append(fields.forbidden(path, text))
    if options.send_initial_events is not None:
        problems.append(fields.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return problems

"""Negotiation: in which form the client wants the answer, and in which form it sent its body.

The Accept header chooses JSON or YAML and, with `as=`, the object itself, a Table or only the metadata
(PartialObjectMetadata). Nothing acceptable is 406, a body in an unknown form 415. Components in this
process send no Accept header and get the stored objects themselves. Upstream:
apiserver/pkg/endpoints/handlers/negotiation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kubekit.api import status_error as errors

if TYPE_CHECKING:
    from kubekit.apiserver.context import Context

Obj = dict[str, Any]

SUPPORTED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_SERVED = ("application/json", "application/yaml")
_ONLY = "only the following media types are accepted: "
_UNSUPPORTED = "the body of the request was in an unknown format - accepted media types include: "


@dataclass(frozen=True, slots=True)
class Form:
    """The form of an answer: `media` type, `kind` ("" for the object itself), its group version, `pretty`."""

    media: str = "application/json"
    kind: str = ""
    version: str = ""
    pretty: bool = False
    stream: bool = False

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return self.media


PLAIN = Form()


def wanted_form(accept: str | None, tables: bool = True) -> Form:
    """The form that an Accept header asks for; raises NotAcceptable."""
    if not accept or accept == "application/json":
        return PLAIN
    form = _negotiate(accept, tables)
    if form is None:
        raise errors.not_acceptable(_ONLY + ", ".join(SUPPORTED))
    return form


@lru_cache(maxsize=256)
def _negotiate(accept: str, tables: bool) -> Form | None:
    clauses: list[tuple[float, int, str, dict[str, str]]] = []
    for place, part in enumerate(accept.split(",")):
        media, *parameters = [piece.strip() for piece in part.split(";")]
        given: dict[str, str] = {}
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            given[name.strip().lower()] = value.strip().strip('"')
        try:
            quality = float(given.pop("q", "1"))
        except ValueError:
            quality = 0.0
        clauses.append((-quality, place, media.lower(), given))
    for _, _, media, given in sorted(clauses, key=_rank):
        main, _, sub = media.partition("/")
        for served in _SERVED:
            if media in ("*/*", served) or (sub == "*" and served.startswith(main + "/")):
                form = _with_parameters(served, given, tables)
                if form is not None:
                    return form
    return None


def _rank(clause: tuple[float, int, str, dict[str, str]]) -> tuple[float, bool, bool, int]:
    """The higher quality first, then what is named rather than starred, then the order of the header."""
    quality, place, media, _ = clause
    main, _, sub = media.partition("/")
    return quality, main == "*", sub == "*", place


def _with_parameters(media: str, given: dict[str, str], tables: bool) -> Form | None:
    kind, group, version = given.get("as", ""), given.get("g", ""), given.get("v", "")
    if not kind:
        return Form(media, pretty=given.get("pretty") == "1", stream=given.get("stream") == "watch")
    if group != "meta.k8s.io" or version not in ("v1", "v1beta1"):
        return None
    if kind == "Table" and not tables:
        return None
    if kind not in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
        return None
    return Form(media, kind, f"meta.k8s.io/{version}")


def wants_aggregated(ctx: Context) -> bool:
    """Whether a discovery request asks for everything in one document."""
    accept = ctx.request.headers.get("accept") or ""
    for part in accept.split(","):
        pieces = {piece.strip() for piece in part.split(";")}
        if {"as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2"} <= pieces:
            return True
    return False


def body_form(content_type: str | None) -> str:
    """``json``, ``yaml`` or ``protobuf`` for a body's Content-Type; raises UnsupportedMediaType."""
    if not content_type:
        return "json"
    media = content_type.split(";")[0].strip().lower()
    if media == "application/json":
        return "json"
    if media == "application/yaml":
        return "yaml"
    if media == "application/vnd.kubernetes.protobuf":
        return "protobuf"
    raise errors.unsupported_media_type(_UNSUPPORTED + ", ".join(SUPPORTED))

"""OpenAPI: the API server's description of itself, generated from the schema.

`/openapi/v3` lists the documents, `/openapi/v3/<group version>` is one of them, `/openapi/v2` is all in one.
kubectl reads them for `explain`, to know whether the server checks fields strictly, and to know how lists
merge.

Nothing is typed by hand: types come from `kubekit.api.schema`, paths from the resource table and from the
definitions of custom resources, descriptions from the reference release's own documentation, read when they
are asked for. Documents are made when somebody asks for the first time and kept as bytes.

Reading order: `schemas` (types) and `machinery` (types of no resource), `routes` (each verb on each
resource), `parameters`, `paths` (routes as v3 writes them), `roots` (pages of no resource), `custom` (custom
resources), `documents` (all of it put together), `swagger` (v2) and `gnostic` (v2 in protobuf), `answers`
(the pages). `generate` made `published.json`.

Left out against the original: v3 in protobuf (clients that offer nothing else get 406), what each value of an
enumeration means, and specifications of other API servers behind an APIService.
"""

from __future__ import annotations

from kubekit.apiserver.openapi.answers import serve_v2, serve_v3
from kubekit.apiserver.openapi.documents import Document, Documents

__all__ = ["Document", "Documents", "serve_v2", "serve_v3"]

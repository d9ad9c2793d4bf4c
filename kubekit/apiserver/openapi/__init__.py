"""OpenAPI: the API server's description of itself, generated from the schema.

`/openapi/v3` lists the documents, `/openapi/v3/<group version>` is one of them, `/openapi/v2` is all in one.
kubectl reads them for `explain`, for client-side validation, and to know which patches a type takes.

Nothing is typed by hand: types come from `kubekit.api.schema`, paths from the resource table, descriptions
from the reference release's own documentation, read when they are asked for.
"""

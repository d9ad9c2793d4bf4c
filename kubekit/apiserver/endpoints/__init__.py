"""Chapter: endpoints - the verbs, one file each.

Reading order: `dispatch` (from a path to a verb), `create` (the fullest walk), `body`, `options` and
`negotiation` (what came in, in which form), `read` with `selection` and `paging`, `watch`, `update`,
`patch`, `delete`, then `subresources` with `binding`, `scale` and their like, and `pages` for what is no
resource.

A verb is a function of `(ctx, scope)` that gives a Response or a WatchStream and raises StatusError to
refuse. Left out against the original: answers in protobuf (bodies may be sent in it), CBOR.
"""

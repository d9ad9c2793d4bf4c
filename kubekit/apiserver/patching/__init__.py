"""Chapter: patching - four ways to say what should be different, as pure functions over JSON values.

Reading order:
  1. `json_patch`        a list of operations with paths (RFC 6902), with the real library's leniences
  2. `merge_patch`       an object laid over another (RFC 7386)
  3. `strategic_merge`   the same, but lists are merged by key where the type says so
  4. `difference`        the other way round: the JSON patch that makes one value of another

The endpoint that uses them is `endpoints/patch.py`. Server-side apply, which needs to know who owns which
field, is in `kubekit.apiserver.managed_fields`.
"""

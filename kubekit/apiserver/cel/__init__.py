"""CEL, the Common Expression Language: small conditions that a cluster's objects carry with them.

Validating and mutating admission policies, match conditions of webhooks and the rules in the schemas of
custom resources are written in it. An expression is read, its types are worked out, and then it is run; it
cannot loop for ever and cannot change anything. The texts of its errors are those of the original.

Reading order: `tokens`, `syntax`, `macros`, `parser` (text to tree), `types`, `environment`, `checker`,
`literals` (what it may be), `values`, `evaluator` (what it is), `library_*`, `moments` and `text_formatting`
(functions), `program` (all together).

Left out against the original: estimating what an expression may cost before it runs (it is bounded while it
runs), and reading on after the first error of grammar.
"""

from kubekit.apiserver.cel.errors import CompileError, EvaluationError, InstantiationError
from kubekit.apiserver.cel.program import Program, compiled, library, new_library

__all__ = [
    "CompileError",
    "EvaluationError",
    "InstantiationError",
    "Program",
    "compiled",
    "library",
    "new_library",
]

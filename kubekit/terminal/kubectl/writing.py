"""Flags and query of verbs that write objects.

Source: k8s.io/kubectl/pkg/cmd/util/helpers.go.
"""

from __future__ import annotations

from kubekit.terminal.cli.errors import CommandError
from kubekit.terminal.cli.flags import Flag, string
from kubekit.terminal.kubectl import output
from kubekit.terminal.kubectl.call import Call

STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"


def write_flags(manager: str) -> list[Flag]:
    """Flags of verbs that write objects from files or generators."""
    return [
        *output.output_flags(),
        output.dry_run_flag(),
        string("field-manager", "The name under which the server notes who changed what.", default=manager),
        string(
            "validate", "strict (refuse unknown fields), warn or ignore.", default="strict", bare="strict"
        ),
    ]


def write_query(call: Call, manager: str) -> dict[str, str]:
    """dryRun, fieldManager and fieldValidation of a writing request."""
    query = {"fieldManager": call.flags.get("field-manager") or manager}
    if call.dry_run() == "server":
        query["dryRun"] = "All"
    validate = str(call.flags.get("validate", "strict"))
    levels = {
        "strict": "Strict",
        "true": "Strict",
        "": "Strict",
        "warn": "Warn",
        "ignore": "Ignore",
        "false": "Ignore",
    }
    if validate not in levels:
        raise CommandError(
            f'invalid - validate option "{validate}"; must be one of: strict (or true), warn, ignore (or'
            " false)"
        )
    return {**query, "fieldValidation": levels[validate]}

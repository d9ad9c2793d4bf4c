"""The one error of the netfilter rooms: what iptables prints, and the status it exits with.

Raised by the parsers of rules and restored by the commands with the program's name and the line number around
it. Status 1 is a problem with what exists, 2 a problem with what was written, 4 a refusal by the kernel.
"""

from __future__ import annotations


class IptablesError(Exception):
    """`message` is the text after the program's name; `status` the exit status of the program."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


NO_SUCH_CHAIN = "No chain/target/match by that name."
BAD_RULE = "Bad rule (does a matching rule exist in that chain?)."
PROGRAM_VERSION = "v1.8.9 (nf_tables)"

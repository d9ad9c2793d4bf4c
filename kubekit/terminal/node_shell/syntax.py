"""Syntax: words put together - simple commands, pipelines, lists.

    script   = list of (pipeline, connector)        connector: ";" "&&" "||"
    pipeline = commands joined by "|"
    command  = assignments, words, redirections

Loops, functions and subshells are not read: a cell that needs them is Python.
Source: POSIX.1-2017, Shell Command Language, 2.9 and 2.10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kubekit.terminal.node_shell.words import NEWLINE, Piece, SyntaxTrouble, Word, tokens

REDIRECTIONS = ("<", ">", ">>", "2>", "2>>", "&>", "1>", "<<", "<<-")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_CLAUSES = ("if", "for", "while", "until", "case", "function", "{")


@dataclass
class Redirection:
    """`operator` and its target; for here-documents the text."""

    operator: str
    target: Word


@dataclass
class Simple:
    """One command."""

    assignments: list[tuple[str, Word]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.assignments or self.words or self.redirections)


@dataclass
class Pipeline:
    """Commands, each reading what the one before it wrote; `after` says when it runs."""

    commands: list[Simple]
    after: str = ";"


def parse(script: str) -> list[Pipeline]:
    """The pipelines of a script, in order. Raises SyntaxTrouble."""
    found: list[Pipeline] = []
    current = Pipeline([Simple()])
    words = tokens(script)
    at = 0

    def finish(connector: str) -> None:
        nonlocal current
        if any(not command.empty for command in current.commands):
            if any(command.empty for command in current.commands):
                raise SyntaxTrouble("syntax error near unexpected token `|'")
            found.append(current)
        elif connector not in (";",):
            raise SyntaxTrouble(f"syntax error near unexpected token `{connector}'")
        current = Pipeline([Simple()], connector)

    while at < len(words):
        word = words[at]
        at += 1
        command = current.commands[-1]
        if word.operator in (";", NEWLINE, "&"):
            if word.operator == NEWLINE and current.after != ";" and command.empty:
                continue
            if word.operator == NEWLINE and len(current.commands) > 1 and command.empty:
                continue
            finish(";")
        elif word.operator in ("&&", "||"):
            finish(word.operator)
        elif word.operator == "|":
            current.commands.append(Simple())
        elif word.operator == "2>&1":
            command.redirections.append(Redirection("2>&1", word))
        elif word.operator in REDIRECTIONS:
            if word.operator in ("<<", "<<-"):
                command.redirections.append(Redirection("<<", Word(word.heredoc or [Piece("", "'")])))
                at += 1
                continue
            if at >= len(words) or words[at].operator:
                shown = "newline" if at >= len(words) or words[at].operator == NEWLINE else words[at].operator
                raise SyntaxTrouble(f"syntax error near unexpected token `{shown}'")
            command.redirections.append(Redirection(word.operator, words[at]))
            at += 1
        elif word.operator:
            raise SyntaxTrouble(f"syntax error near unexpected token `{word.operator}'")
        elif not command.words and (assigned := _assignment(word)):
            command.assignments.append(assigned)
        else:
            if not command.words and word.bare and word.raw in _CLAUSES:
                raise SyntaxTrouble(f"`{word.raw}' is not read by this shell: write a line for each command")
            command.words.append(word)
    if current.after != ";" and current.commands[-1].empty:
        raise SyntaxTrouble("syntax error: unexpected end of file")
    finish(";")
    return found


def _assignment(word: Word) -> tuple[str, Word] | None:
    """The name and value of ``NAME=value``."""
    if not word.pieces or word.pieces[0].quote:
        return None
    first = word.pieces[0].text
    if not _ASSIGNMENT.match(first):
        return None
    name, _, rest = first.partition("=")
    pieces = [Piece(rest, ""), *word.pieces[1:]] if rest else list(word.pieces[1:])
    return name, Word(pieces)

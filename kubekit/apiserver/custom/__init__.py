"""Custom resources: kinds that a CustomResourceDefinition adds to a running server.

A definition is an ordinary stored object. `definitions` follows them: it accepts names, serves each
version under its path, and removes the instances when a definition goes. What is particular about
instances is here too: their schema prunes, defaults and checks them (`schema`, `kind`), and a strategy
(`strategy`) does what Go code does for built-in kinds.

Reading order: `schema` (prune, default), `kind` (one served version), `strategy` (instances), `definition`
(the definitions' own strategy), `definitions` (serving them).

Left out against the original: conversion webhooks (versions convert by their apiVersion alone) and
ratcheting.
"""

from kubekit.apiserver.custom.definition import DefinitionStrategy
from kubekit.apiserver.custom.definitions import Definitions
from kubekit.apiserver.custom.kind import CustomKind

__all__ = ["CustomKind", "DefinitionStrategy", "Definitions"]

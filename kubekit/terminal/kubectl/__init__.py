"""kubectl: the field's command line, for notebooks, over the same API that everything else uses.

It speaks to any `Handler`, asks for the tables that real clients ask for, merges as real `apply` merges, and
fails with the real words and exit statuses. Commands that wait let virtual time pass until they end.

Reading order: `program` (from a command line to a result), `call` (what a verb may use), `connection` and
`discovery` (the server), `manifests` and `selection` (which objects are meant), `output` and `tables` (how
they are printed), then the verbs, one file each, hung up in `tree`.

What runs in a container (`exec_verb`, `attach_verb`, `run`, `debug`, `cp`) goes through `remote_command`,
with the cell's body as its input. A notebook has no terminal: keys, and editors that draw, are not there.

Left out against the original: terminals, plugins, metrics, the long help texts, client-side JSON-patch of
--local files.
"""

from kubekit.terminal.kubectl.call import Call, Pump
from kubekit.terminal.kubectl.program import ADMIN, Kubectl, Result

__all__ = ["ADMIN", "Call", "Kubectl", "Pump", "Result"]

"""cli: what a command-line program of the Kubernetes family is made of, without the program.

`kubectl` (and whatever speaks like it) is built from these parts. None of them knows the cluster.

Reading order: `errors` (how a command fails), `flags` (pflag: `-it`, `--flag=value`), `command` (a tree of
commands, cobra's errors), `tabwriter` (how columns are aligned), `yaml_text` and `json_text` (how objects are
written), `go_template` (the part of text/template that people use), `files` (where `-f` looks).

Left out against the originals: shell completion scripts, plugins, terminal colours, the long help texts
(the kit has shorter ones in its own words).
"""

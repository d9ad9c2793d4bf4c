"""The flags that every kubectl command understands.

The program adds them to each command's own; `kubectl options` lists them.
Source: cli-runtime/pkg/genericclioptions/config_flags.go.
"""

from __future__ import annotations

from kubekit.terminal.cli.flags import Flag, array, boolean, duration, number, string

GLOBAL_FLAGS: list[Flag] = [
    string("as", "Ask as this user (impersonation)."),
    array("as-group", "Ask as a member of this group; may be given again."),
    string("as-uid", "Ask as the user with this UID."),
    array("as-user-extra", "Extra attributes of the user asked as, key=value."),
    string("cache-dir", "Ignored: nothing is cached on disk.", default="/home/user/.kube/cache"),
    string("certificate-authority", "Ignored in a notebook."),
    string("client-certificate", "Ignored in a notebook."),
    string("client-key", "Ignored in a notebook."),
    string("cluster", "The kubeconfig cluster to use."),
    string("context", "The kubeconfig context to use."),
    boolean("disable-compression", "Ignored: nothing is compressed."),
    boolean("insecure-skip-tls-verify", "Ignored in a notebook."),
    string("kubeconfig", "The kubeconfig file to use."),
    string("kuberc", "Ignored: preferences are not read."),
    duration("log-flush-frequency", "Ignored: there is no log.", 5.0),
    boolean("match-server-version", "Ignored."),
    string("namespace", "The namespace to work in.", "n"),
    string("password", "Ignored in a notebook."),
    string("profile", "Ignored.", default="none"),
    string("profile-output", "Ignored.", default="profile.pprof"),
    string("request-timeout", "Ignored in a notebook.", default="0"),
    string("server", "The address of the API server.", "s"),
    string("tls-server-name", "Ignored in a notebook."),
    string("token", "The bearer token to ask with."),
    string("user", "The kubeconfig user to use."),
    string("username", "Ignored in a notebook."),
    number("v", "How much to tell of the requests: 6 to 10.", "v"),
    Flag("vmodule", "map", "", help="Ignored: there is no log."),
    boolean("warnings-as-errors", "Ignored."),
]

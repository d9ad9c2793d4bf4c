"""The plugins, one a file; `registry` names them all."""

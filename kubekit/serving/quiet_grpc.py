"""grpcio, told not to write its own lines.

Its core writes a line to standard error for each client whose handshake fails, which in a notebook is noise:
what went wrong is answered to the client. Import grpc from here, so that this is settled before it starts;
who has set GRPC_VERBOSITY is not overruled.
"""

from __future__ import annotations

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
import grpc.aio as aio

__all__ = ["aio", "grpc"]

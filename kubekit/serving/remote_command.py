"""exec and attach over WebSockets: how `kubectl exec` (1.31 and newer) reaches a container through the door.

The API server answers such a request with an object {exitCode, stdout, stderr}; the client wants an upgraded
connection with a channel for each stream, the number of the channel being the first byte of each message. The
command has ended before the answer begins, so nothing can be typed into it. Older clients ask for SPDY, which
is refused in words that they print.
Upstream: apimachinery/pkg/util/remotecommand, client-go/tools/remotecommand.
"""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from kubekit.api.exchange import Response
from kubekit.api.status_error import status

STDOUT, STDERR, ERROR = b"\x01", b"\x02", b"\x03"
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
SUBRESOURCES = ("/exec", "/attach")
CHUNK = 32 * 1024
NO_SPDY = "this API server streams over WebSockets only, which kubectl does from version 1.31 on"


def wanted(incoming: web.Request) -> bool:
    """Whether a request is for a stream of a container."""
    return incoming.path.endswith(SUBRESOURCES) and "/pods/" in incoming.path


async def answer(incoming: web.Request, done: Response) -> web.StreamResponse | Response:
    """Stream what a command printed; gives a plain response for refusals and for clients that cannot."""
    if done.status >= 300 or not isinstance(done.body, dict) or "exitCode" not in done.body:
        return done
    if incoming.headers.get("Upgrade", "").lower() != "websocket":
        text = NO_SPDY if "Upgrade" in incoming.headers else "Upgrade request required"
        return Response(400, status(400, "BadRequest", text))
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    await socket.prepare(incoming)
    for channel, text in ((STDOUT, done.body.get("stdout", "")), (STDERR, done.body.get("stderr", ""))):
        data = text.encode()
        for start in range(0, len(data), CHUNK):
            await socket.send_bytes(channel + data[start : start + CHUNK])
    await socket.send_bytes(ERROR + json.dumps(outcome(done.body["exitCode"])).encode())
    await socket.close()
    return socket


def outcome(code: int) -> dict[str, Any]:
    """The Status with which the error channel ends."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }

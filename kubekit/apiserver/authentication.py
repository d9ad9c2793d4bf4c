"""Authentication: who sends this request?

A chain of authenticators is asked in order; each gives a `UserInfo`, or None when the request carries no
credentials of its sort, or raises `Unauthorized` when it carries bad ones. Requests from components in
this process and requests over a verified client certificate arrive with `Request.user` set. Nobody known
is `system:anonymous`. Everybody known is in `system:authenticated`. An authenticator never looks at what
is asked. Upstream: apiserver/pkg/authentication/request and pkg/kubeapiserver/authenticator.
"""

from __future__ import annotations

from collections.abc import Callable

from kubekit.api.exchange import Request, UserInfo
from kubekit.apiserver.context import ANONYMOUS

AUTHENTICATED = "system:authenticated"

TokenAuthenticator = Callable[[str], UserInfo | None]
"""From a bearer token to its user; None when the token is not of this sort."""


class Unauthorized(Exception):
    """Credentials were presented and nobody vouches for them."""


def bearer_token(request: Request) -> str:
    """The bearer token of the Authorization header, or "" (bearertoken.go: the scheme's case is ignored)."""
    header = request.headers.get("authorization", "").strip()
    if not header:
        return ""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "bearer" or not rest:
        return ""
    return rest.split(" ")[0]


def with_authenticated(user: UserInfo) -> UserInfo:
    """The user in the group that every known user is in."""
    if AUTHENTICATED in user.groups or "system:unauthenticated" in user.groups:
        return user
    return UserInfo(user.name, user.uid, (*user.groups, AUTHENTICATED), user.extra)


class Authentication:
    """The chain of authenticators of one server.

    `tokens` maps static bearer tokens to users (the real server's `--token-auth-file`);
    `token_authenticators` are asked after it (ServiceAccount tokens, bootstrap tokens).
    """

    def __init__(self, tokens: dict[str, UserInfo] | None = None, anonymous: bool = True) -> None:
        self.tokens: dict[str, UserInfo] = dict(tokens or {})
        self.anonymous = anonymous
        self.token_authenticators: list[tuple[str, TokenAuthenticator]] = []
        self._known: dict[UserInfo | int, tuple[UserInfo, UserInfo]] = {}

    def authenticate(self, request: Request) -> tuple[UserInfo, str]:
        """The user of a request and the method that found out; raises `Unauthorized`."""
        given = request.user
        if given is not None:
            known = self._known.get(id(given))
            if known is None or known[0] is not given:
                known = (given, with_authenticated(given))
                if len(self._known) > 10_000:
                    self._known.clear()
                self._known[id(given)] = known
            return known[1], request.headers.get("x-kubekit-authenticated-by") or "client certificate"
        token = bearer_token(request)
        if token:
            user, method = self.of_token(token)
            if user is None:
                raise Unauthorized
            return user, method
        if not self.anonymous:
            raise Unauthorized
        return ANONYMOUS, "no credentials"

    def of_token(self, token: str) -> tuple[UserInfo | None, str]:
        """The user of a bearer token and the method, or (None, "")."""
        static = self.tokens.get(token)
        if static is not None:
            return with_authenticated(static), "static bearer token"
        for method, ask in self.token_authenticators:
            user = ask(token)
            if user is not None:
                return with_authenticated(user), method
        return None, ""

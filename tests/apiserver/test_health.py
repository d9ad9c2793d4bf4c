"""Health check by check, and which checks a server has."""

from __future__ import annotations

import pytest

from tests.apiserver.conftest import Asker

HOOK = "poststarthook/aggregator-reload-proxy-client-cert"


@pytest.mark.parametrize("root", ["healthz", "livez", "readyz"])
@pytest.mark.parametrize("proxy_client", [True, False])
def test_only_a_server_with_a_certificate_for_others_watches_it(root: str, proxy_client: bool) -> None:
    asker = Asker(proxy_client=proxy_client)
    lines = str(asker.ask("GET", f"/{root}", verbose="").body).splitlines()
    assert (f"[+]{HOOK} ok" in lines) is proxy_client
    assert (f"/{root}/{HOOK}" in asker.ask("GET", "/").json()["paths"]) is proxy_client
    assert asker.ask("GET", f"/{root}/{HOOK}").status == (200 if proxy_client else 404)
    if proxy_client:
        assert lines.index(f"[+]{HOOK} ok") + 1 == lines.index(
            "[+]poststarthook/start-kube-aggregator-informers ok"
        )

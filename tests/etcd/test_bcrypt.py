"""bcrypt: hashes that other programs made, and what is none."""

from __future__ import annotations

import pytest

from kubekit.etcd.auth import AuthStore
from kubekit.etcd.bcrypt import _digits_of_pi, check_password, hash_password, salt_of
from kubekit.sim import VirtualClock

KNOWN = [
    ("", b"$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkY8jIucDrjc8deX1s."),
    ("U*U", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", b"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
]
"""From the tests of the password crackers and libraries of the time."""


@pytest.mark.parametrize(("password", "hashed"), KNOWN[1:])
def test_hashes_of_other_programs(password: str, hashed: bytes) -> None:
    assert check_password(password, hashed)
    assert not check_password(password + "x", hashed)
    assert not check_password(password, hashed[:-1] + b"/")


@pytest.mark.parametrize(
    "hashed",
    [b"", b"plain", KNOWN[0][1], KNOWN[1][1] + b"x", b"$2a$99" + KNOWN[1][1][6:], b"$1$" + KNOWN[1][1][3:]],
)
def test_what_is_no_hash_is_nobodys(hashed: bytes) -> None:
    assert not check_password("", hashed)


def test_own_hashes() -> None:
    hashed = hash_password("päss", salt_of("alice"))
    assert len(hashed) == 60 and hashed.startswith(b"$2a$04$")
    assert check_password("päss", hashed) and not check_password("pass", hashed)
    assert hashed == hash_password("päss", salt_of("alice")) != hash_password("päss", salt_of("bob"))


def test_only_the_first_72_bytes_count() -> None:
    hashed = hash_password("p" * 72, salt_of("long"))
    assert check_password("p" * 90, hashed) and not check_password("p" * 71, hashed)


def test_the_tables_are_the_digits_of_pi() -> None:
    words, boxes = _digits_of_pi()
    assert words[:3] == [0x243F6A88, 0x85A308D3, 0x13198A2E]
    assert [len(box) for box in boxes] == [256] * 4 and boxes[3][-1] == 0x3AC372E6


def test_the_store_of_users_keeps_them() -> None:
    auth = AuthStore(VirtualClock())
    auth.add_user("u", "secret")
    assert (auth.user("u").password or b"").startswith(b"$2a$")

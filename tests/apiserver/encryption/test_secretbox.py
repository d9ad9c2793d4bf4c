"""The secret box against boxes that libsodium made."""

from __future__ import annotations

from kubekit.apiserver.encryption import secretbox

KEY, NONCE = bytes(range(32)), bytes(range(24))
TEXT = b'{"kind":"Secret","apiVersion":"v1","data":{"k":"cGFzcw=="},"x":"0123456789"}'
BOX = bytes.fromhex(
    "33a9239bf3ee03b59139e9156dd4fa9725dd5326a9ae802a996fea5d1aea3eb57e8727afe5735a9d64cb08fa77fd8397"
    "b2f9d9f721d181639bb79bbb1144916140062ee590e0e1729e620b9f6243add7ecb1cd2a3123ffda2ccba3ac"
)


def test_the_box_is_libsodiums() -> None:
    assert secretbox.seal(KEY, NONCE, TEXT) == BOX
    assert secretbox.open(KEY, NONCE, BOX) == TEXT


def test_sizes_at_the_edges_of_blocks_come_back() -> None:
    for size in (0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 200):
        data = bytes(i % 251 for i in range(size))
        assert secretbox.open(KEY, NONCE, secretbox.seal(KEY, NONCE, data)) == data


def test_a_box_that_was_touched_stays_shut() -> None:
    for at in (0, 15, 16, len(BOX) - 1):
        touched = bytearray(BOX)
        touched[at] ^= 1
        assert secretbox.open(KEY, NONCE, bytes(touched)) is None
    assert secretbox.open(KEY[::-1], NONCE, BOX) is None
    assert secretbox.open(KEY, NONCE[::-1], BOX) is None

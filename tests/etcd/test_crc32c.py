"""CRC-32C: folded, by words and bit by bit."""

from __future__ import annotations

import pytest

from kubekit.etcd.crc32c import crc32c

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 63, 1693, 1694, 1695, 1696, 2541, 3389, 5083, 65536, 100_001]


def bit_by_bit(data: bytes, crc: int = 0) -> int:
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sample(size: int) -> bytes:
    return bytes((i * i ^ i >> 3) & 0xFF for i in range(size))


@pytest.mark.parametrize("size", SIZES)
def test_no_short_cut_changes_the_sum(size: int) -> None:
    assert crc32c(sample(size)) == bit_by_bit(sample(size))


@pytest.mark.parametrize("cut", [0, 1, 5, 1000, 1694, 4999])
def test_a_sum_goes_on_from_what_came_before(cut: int) -> None:
    data = sample(5000)
    assert crc32c(data[cut:], crc32c(data[:cut])) == crc32c(data)


def test_long_inputs_are_taken_in_pieces() -> None:
    data = sample(1 << 10) * (2 << 10) + b"and a rest"
    whole = crc32c(data)
    assert whole == crc32c(memoryview(data))
    assert whole == crc32c(data[777_777:], crc32c(data[:777_777]))

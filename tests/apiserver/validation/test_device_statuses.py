"""Rules of what is allocated to a ResourceClaim, and of what drivers say of their devices."""

from __future__ import annotations

from typing import Any

import pytest

from kubekit.apiserver.validation import validate_status_update
from tests.apiserver.validation.test_device_rules import DRIVER, POOL, REFERENCE, claim, exactly

Obj = dict[str, Any]

RESULT = {"request": "r", "driver": DRIVER, "pool": POOL, "device": "d"}
ALLOCATION = {"devices": {"results": [RESULT]}}
POD = {"resource": "pods", "name": "p", "uid": "1"}
SAID = {"driver": DRIVER, "pool": POOL, "device": "d"}

STATUSES: list[tuple[Obj, Obj, list[tuple[str, str]]]] = [
    ({}, {"allocation": ALLOCATION, "reservedFor": [POD], "devices": [SAID]}, []),
    (
        {},
        {"reservedFor": [POD, POD]},
        [
            ("status.reservedFor[1]", 'Duplicate value: "1"'),
            ("status.reservedFor", "Forbidden: may not be specified when `allocated` is not set"),
        ],
    ),
    (
        {},
        {"allocation": {"devices": {"results": [{**RESULT, "request": "q", "shareID": "ABC"}]}}},
        [
            ("status.allocation.devices.results[0].request", f'Invalid value: "q": {REFERENCE}'),
            (
                "status.allocation.devices.results[0].shareID",
                'Invalid value: "ABC": error validating uid: invalid UUID length: 3',
            ),
        ],
    ),
    (
        {"allocation": ALLOCATION},
        {"allocation": {"devices": {"results": [{**RESULT, "device": "e"}]}}},
        [("status.allocation", 'Invalid value: {"Devices":{"Results":[{"Request":"r","Driver":"gpu.')],
    ),
    (
        {"allocation": ALLOCATION},
        {
            "allocation": ALLOCATION,
            "devices": [
                {**SAID, "device": "e"},
                {**SAID, "data": [1], "networkData": {"ips": ["10.0.0.1", "10.0.0.07/24", "10.0.0.1/24"]}},
            ],
        },
        [
            (
                "status.devices[0]",
                "Invalid value: gpu.example.com/node-1/e: must be an allocated device in the claim",
            ),
            ("status.devices[1].data", 'Invalid value: "<value omitted>": must be a valid JSON object'),
            (
                "status.devices[1].networkData.ips[0]",
                'Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or '
                "2001:db8::1/64)",
            ),
            (
                "status.devices[1].networkData.ips[1]",
                'Invalid value: "10.0.0.07/24": must be in canonical form ("10.0.0.7/24")',
            ),
        ],
    ),
]


@pytest.mark.parametrize(("before", "after", "wanted"), STATUSES)
def test_statuses(before: Obj, after: Obj, wanted: list[tuple[str, str]]) -> None:
    old, new = claim(exactly(), status=before), claim(exactly(), status=after)
    found = [(error.field, error.body) for error in validate_status_update(new, old)]
    assert [field for field, _ in found] == [field for field, _ in wanted]
    for (_, text), (_, begins) in zip(found, wanted, strict=True):
        assert text.startswith(begins)

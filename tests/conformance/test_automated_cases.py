"""Which conformance cases are machines' clicks; the older implementation took them for people's."""

from offers.visitors.device import NO_HINTS, DeviceReader
from tests.conformance.instance import CASES

MACHINES = {"device-011": "program", "device-021": "no user agent"}


def test_the_cases_of_machines_are_those_that_the_readme_lists() -> None:
    devices = DeviceReader(100)
    found = {
        case["id"]: automated.value
        for case in CASES
        if (automated := devices.read(case["headers"].get("User-Agent", ""), NO_HINTS).automated)
    }
    assert found == MACHINES

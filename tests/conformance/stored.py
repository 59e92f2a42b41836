"""The clicks of the cases as the older implementation stored them, for whatever reads such records."""

import json
import uuid
from typing import Any

from tests.conformance.instance import CASES

# Later than the journal or any date of the recipe; the cases have no times of their own.
FIRST_MS = 1_790_000_000_000
# So far apart that each visitor is new again.
APART_MS = 25 * 60 * 60 * 1000


def stored_clicks() -> dict[str, dict[str, Any]]:
    """Case id -> record, of all cases that need nothing but the recipe."""
    cases = [case for case in CASES if "click" in case["reference_answer"]]
    plain = [
        case for case in cases if not {"setup", "prior", "repeat"} & {name for name in case if case[name]}
    ]
    return {case["id"]: _record(case, number) for number, case in enumerate(plain)}


def _record(case: dict[str, Any], number: int) -> dict[str, Any]:
    answer = case["reference_answer"]
    lid = str(uuid.uuid5(uuid.NAMESPACE_URL, case["id"]))
    record: dict[str, Any] = json.loads(json.dumps(answer["click"]).replace("{lid}", lid))
    return {
        **record,
        "city": answer["decision"].get("city"),
        "userAgent": case["headers"].get("User-Agent", ""),
        "dateAdded": FIRST_MS + number * APART_MS,
    }

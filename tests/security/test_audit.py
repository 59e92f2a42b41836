"""The audit tells apart what is clean, what is vulnerable, and what nobody looked up."""

from tests.security.audit import CLEAN, UNKNOWN, VULNERABLE, judge

CLEAN_ONE = {"name": "a", "version": "1", "vulns": []}
VULNERABLE_ONE = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN_ONE = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


def test_all_looked_up_and_none_vulnerable_is_clean() -> None:
    assert judge([CLEAN_ONE]) == (CLEAN, ["1 of 1 packages were looked up, none has a known vulnerability"])


def test_a_vulnerability_is_named_with_what_fixes_it() -> None:
    code, lines = judge([CLEAN_ONE, VULNERABLE_ONE, UNKNOWN_ONE])
    assert (code, lines[0]) == (VULNERABLE, "b 2: CVE-1, fixed in 2.1")


def test_what_nobody_looked_up_is_not_clean() -> None:
    code, lines = judge([CLEAN_ONE, UNKNOWN_ONE])
    assert (code, "NOT AUDITED: 1 of 2" in lines[0]) == (UNKNOWN, True)
    assert judge([]).code == UNKNOWN

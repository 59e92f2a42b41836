"""`make audit`: known vulnerabilities of everything that is installed, by pip-audit.

Ends with 0 when every package was looked up and none is vulnerable, 1 when one is, and 2 when the service
could not say: pip-audit alone would end with 0 then.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2
SECONDS = 600.0


class Audit(NamedTuple):
    """What became of it: the exit code, and lines that say so."""

    code: int
    lines: list[str]


def judge(dependencies: Sequence[dict[str, Any]]) -> Audit:
    """The outcome for pip-audit's list of packages."""
    unknown = [one for one in dependencies if "skip_reason" in one]
    vulnerable = [
        f"{one['name']} {one['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or '-'}"
        for one in dependencies
        for found in one.get("vulns", ())
    ]
    known = f"{len(dependencies) - len(unknown)} of {len(dependencies)} packages were looked up"
    if vulnerable:
        return Audit(VULNERABLE, [*vulnerable, known])
    if unknown or not dependencies:
        why = unknown[0]["skip_reason"] if unknown else "nothing is installed"
        return Audit(UNKNOWN, [f"NOT AUDITED: {known}; the first was not because: {why}"])
    return Audit(CLEAN, [f"{known}, none has a known vulnerability"])


def main() -> None:
    """Audit and say so."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        audit = judge(json.loads(done.stdout)["dependencies"])
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError) as error:
        said = (
            done.stderr.strip().splitlines()[-1:] if isinstance(error, json.JSONDecodeError) else [f"{error}"]
        )
        audit = Audit(UNKNOWN, ["NOT AUDITED: pip-audit could not ask the vulnerability service", *said])
    print("\n".join(audit.lines))
    raise SystemExit(audit.code)


if __name__ == "__main__":
    main()

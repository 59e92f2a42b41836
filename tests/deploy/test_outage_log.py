"""What an instance writes while its Redis is away: little enough to be read."""

from collections import Counter
from pathlib import Path

from tests.deploy.instance import CLICK, running_instance
from tests.processes import wait_until

LONGEST_LINE = 5000
SUPERVISORCTL = ("supervisorctl", "-c", "deploy/supervisord.conf")


def test_an_outage_of_redis_leaves_a_log_that_can_be_read(variables: dict[str, str], tmp_path: Path) -> None:
    with running_instance(tmp_path, variables) as instance:
        instance.wait_until_ready()
        before = len(instance.lines)
        instance.run(*SUPERVISORCTL, "stop", "redis")

        def said(event: str) -> int:
            instance.answer(CLICK)
            return sum(event in line["event"] for line in instance.lines[before:])

        # Beat complains a second time after half a minute.
        wait_until(lambda: said("background tasks cannot be queued") > 1, what="half a minute's lines")
        lines = instance.lines[before:]
        counts = Counter((line["program"], line["event"]) for line in lines)
        assert max(counts.values()) <= 12, counts.most_common(3)
        assert len(lines) <= 60
        assert max(len(str(line)) for line in lines) <= LONGEST_LINE
        instance.run(*SUPERVISORCTL, "start", "redis")
        instance.wait_until_ready()


def test_supervisords_lines_have_a_time_and_a_level(variables: dict[str, str], tmp_path: Path) -> None:
    with running_instance(tmp_path, variables) as instance:
        wait_until(lambda: instance.pid("redis") > 0, what="the first program")
        lines = [line for line in instance.lines if line["program"] == "supervisord"]
    assert {line["level"] for line in lines} <= {"info", "warning"}
    assert all(line["timestamp"].startswith("20") for line in lines)

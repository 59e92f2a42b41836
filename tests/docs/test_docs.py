"""What README and docs tell is so: commands run, and links lead somewhere. `make docs-check` shows how."""

from pathlib import Path

from devstack.environment import PROJECT
from tests.docs import docs_check
from tests.docs.commands import broken_links, missing_files, told
from tests.stacks import Stack, first_free_port


def test_links_to_files_lead_somewhere() -> None:
    assert broken_links() == []


def test_files_that_are_named_exist() -> None:
    assert missing_files() == []


def test_what_is_run_elsewhere_is_told_and_exists() -> None:
    commands = [one.command for one in told()]
    for start, where in docs_check.ELSEWHERE.items():
        assert any(command.startswith(start) for command in commands), f"nobody tells {start!r}"
        assert not where.startswith("tests/") or (PROJECT / where.split()[0]).exists(), where


def test_every_command_runs(tmp_path: Path) -> None:
    state = tmp_path / "state"
    stack = Stack(state, first_free_port())
    try:
        stack.links()
        assert [ran for ran in docs_check.run_all(stack, state) if ran.problem] == []
    finally:
        stack.stop()

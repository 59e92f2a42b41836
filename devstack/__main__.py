"""`python -m devstack`: the whole system with demo data on this machine, as `make dev` starts it."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from devstack import setup, stack
from devstack.demo import links, staff, traffic
from devstack.environment import PROJECT, BadEnvironment, Environment, read_environment


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        environment = read_environment(options.state.resolve())
        match options.command:
            case "links":
                print(links.all_links(environment))
            case "setup":
                _set_up(environment)
            case "manage":
                return _manage(environment, options.arguments)
            case _:
                stack.run(environment)
    except (BadEnvironment, setup.SetupError, staff.StaffError, stack.ProcessEnded, TimeoutError) as error:
        print(f"devstack: {error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devstack",
        description="Run co-traffic with demo data. HOST and PORT (localhost, 5000) say where; the four "
        "ports after PORT are used too. Whatever variable of .env.example is set counts; with REDIS_URL "
        "or AWS_ENDPOINT_URL set, no server of that kind is started.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        default="run",
        choices=["run", "links", "manage", "setup"],
        help="run everything (default), print a link for every rule, run manage.py beside it with the same "
        "environment (such as: manage clicks_status), or (done by run) fill the servers",
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what manage.py is given")
    parser.add_argument(
        "--state",
        type=Path,
        default=PROJECT / "var" / "devstack",
        help="directory for everything that is written (default: var/devstack)",
    )
    return parser


def _manage(environment: Environment, arguments: list[str]) -> int:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment.variables, check=False).returncode


def _set_up(environment: Environment) -> None:
    setup.set_up(environment)
    account = staff.first_account(environment)
    problem = setup.wait_for_first_click(environment)
    if problem:
        print(
            f"The site runs, but the demo link got no redirect within a minute: {problem}.", file=sys.stderr
        )
    else:
        traffic.send_first_clicks(environment)
        print(links.welcome(environment, account), flush=True)
    # Ending would stop the whole stack.
    signal.pause()


if __name__ == "__main__":
    sys.exit(main())

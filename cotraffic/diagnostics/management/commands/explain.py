"""`manage.py explain`: why a click goes where it goes."""

import asyncio
import shutil
import sys
from contextlib import aclosing
from typing import NoReturn

import msgspec
from django.core.management.base import CommandParser

from cotraffic.diagnostics.explain.explain import explain
from cotraffic.diagnostics.explain.pair import with_offer
from cotraffic.diagnostics.explain.request import BadExplainRequest, ExplainRequest, read_explain_request
from cotraffic.diagnostics.explain.result import Explanation
from cotraffic.diagnostics.explain.text import lines
from lib.exit_codes import ExitCodeCommand
from lib.redis_url import REDIS_URL_TAG
from lib.terminal import printable
from offers.admission import UNAVAILABLE
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.links.links import click_paths

REDIRECTED, WRONG_USE, REFUSED, NOT_NOW, NOT_SET_UP = 0, 2, 3, 4, 5
EXIT_CODES = """exit codes:
  0  the click is redirected
  2  the question cannot be asked: a link, address, country or time that is none, or an offer
     that is not the campaign's
  3  the link is refused: bad token, unknown or blocked
  4  it cannot be decided now: nothing is loaded, or Redis is away
  5  a setting or a GeoIP file is missing: manage.py check says which"""
_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")
_OPTIONS = ("offer", "campaign", "country", "at", "subid", "cid")


class Command(ExitCodeCommand):
    """Decide one click without writing it down, and print every step."""

    exit_codes = EXIT_CODES
    help = (
        "Explain where a click goes and why: every rule that is asked, what it looks at and says, the exits "
        "that are followed, the final URL, and where payin and payout come from. Nothing is written down."
    )
    # What is missing has an exit code and a message of its own here.
    requires_system_checks = (REDIS_URL_TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the link and the circumstances of the click."""
        parser.add_argument("link", nargs="?", default="", metavar="LINK", help="a whole link, or its token")
        parser.add_argument("--campaign", default="", metavar="ID", help="instead of a link: the campaign,")
        parser.add_argument("--offer", default="", metavar="ID", help="and its offer (default: its record's)")
        parser.add_argument(
            "--ip", default="", metavar="ADDRESS", help="the visitor's address (default: none)"
        )
        parser.add_argument(
            "--ua", default="", metavar="TEXT", help="the visitor's user agent (default: none)"
        )
        parser.add_argument(
            "--country",
            default="",
            metavar="CC",
            help="suppose this country, or `unknown`, whatever the address",
        )
        parser.add_argument(
            "--at", default="", metavar="TIME", help="suppose this time, such as 2026-11-25T10:00 (UTC)"
        )
        parser.add_argument(
            "--subid", default="", metavar="TEXT", help="sub campaign (default: the link's own)"
        )
        parser.add_argument("--cid", default="", metavar="TEXT", help="click id of the affiliate, likewise")
        parser.add_argument("--json", action="store_true", help="print one JSON object, and no text")

    def handle(self, *, link: str, ip: str, ua: str, json: bool, **options: object) -> None:
        """Explain, print, and exit with one of the codes in `EXIT_CODES`."""
        given = {name: str(options[name]) for name in _OPTIONS}
        try:
            texts = {"link": link, "address": ip, "user_agent": ua, **given}
            explain_request = read_explain_request(texts, paths=click_paths())
        except BadExplainRequest as error:
            self._stop(WRONG_USE, str(error))
        except ValueError as error:
            self._stop(NOT_SET_UP, f"{error}. Run `manage.py check`: it says what to do.")
        try:
            explanation = asyncio.run(_explained(explain_request))
        except BadExplainRequest as error:
            self._stop(WRONG_USE, str(error))
        except (OSError, ValueError) as error:
            self._stop(NOT_SET_UP, f"{error}. Run `manage.py check`: it says what to do.")
        if json:
            self.stdout.write(_encoder.encode(explanation).decode())
        else:
            columns = shutil.get_terminal_size((100, 24)).columns
            for line in lines(explanation, max(60, min(columns, 120))):
                self.stdout.write(printable(line))
        sys.exit(_exit_code(explanation))

    def _stop(self, code: int, message: str) -> NoReturn:
        self.stderr.write(f"explain: {printable(message)}")
        sys.exit(code)


async def _explained(explain_request: ExplainRequest) -> Explanation:
    """Explain over this instance's Redis.

    Raises `BadExplainRequest`, and `OSError` or `ValueError` for what is not set up.
    """
    redis = open_redis()
    async with aclosing(redis):
        handler = build_handler(redis, build_click_writer())
        return await explain(handler, await with_offer(handler, explain_request))


def _exit_code(explanation: Explanation) -> int:
    if explanation.refused is None:
        return REDIRECTED
    return NOT_NOW if explanation.refused.reason in {reason.value for reason in UNAVAILABLE} else REFUSED

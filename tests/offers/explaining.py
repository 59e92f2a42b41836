"""Explanations over the demo network, for tests."""

from collections.abc import Callable
from contextlib import aclosing

from cotraffic.diagnostics.explain.explain import explain
from cotraffic.diagnostics.explain.request import ExplainRequest
from cotraffic.diagnostics.explain.result import Explanation, RuleState
from devstack.demo import Example
from offers.bootstrap import build_click_writer, build_handler, open_redis
from offers.links.tokens import encrypt
from tests.environment import ENCRYPTION_KEY

DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"
TOKYO, BERLIN = "126.10.20.30", "91.66.10.20"
ALPINE, SAUNA, FESTIVAL, COFFEE, INSURANCE, GAMES, VPN, BROWSER, LOST = (
    101,
    102,
    103,
    105,
    109,
    110,
    111,
    117,
    118,
)
Explained = Callable[..., Explanation]


async def explain_once(explain_request: ExplainRequest) -> Explanation:
    client = open_redis()
    async with aclosing(client):
        return await explain(build_handler(client, build_click_writer()), explain_request)


def link(example: Example) -> str:
    token = encrypt(example.offer_id, example.campaign_id, ENCRYPTION_KEY)
    return f"https://c.example/offer?ad={token}{example.query}"


def winner(explanation: Explanation) -> str:
    return next(rule.rule for rule in explanation.rules if rule.state == RuleState.DECIDED)

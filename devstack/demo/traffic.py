"""A few first clicks, so that the staff page has something to show: one for each rule, and some that fail."""

import itertools
from contextlib import suppress

import httpx

from devstack.demo import SHOWCASE
from devstack.demo.links import link
from devstack.environment import Environment

REFERER = "https://blog.example/best-of-the-week"
BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
)


def send_first_clicks(environment: Environment) -> None:
    """Click every example once, and a link that somebody cut off; what fails is left."""
    browsers = itertools.cycle(BROWSERS)
    with httpx.Client(follow_redirects=False) as client:
        for example in SHOWCASE:
            headers = {
                "X-Forwarded-For": example.client_ip,
                "User-Agent": next(browsers),
                "Referer": REFERER,
                "Accept-Language": "en",
            }
            with suppress(httpx.TransportError):
                client.get(link(example, environment), headers=headers)
        with suppress(httpx.TransportError):
            broken = link(SHOWCASE[0], environment)[:-3]
            client.get(broken, headers={"User-Agent": next(browsers), "Referer": REFERER})

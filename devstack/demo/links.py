"""Links into the running devstack, one for each rule."""

from devstack.demo import SHOWCASE, Example
from devstack.demo.staff import Account
from devstack.environment import Environment
from offers.links.tokens import encrypt

RULER = "=" * 60


def link(example: Example, environment: Environment) -> str:
    """Return the address that shows the example."""
    token = encrypt(example.offer_id, example.campaign_id, environment.variables["ENCRYPTION_KEY"])
    return f"{environment.site_url}/offer?ad={token}{example.query}"


def welcome(environment: Environment, account: Account) -> str:
    """Return what `make dev` prints once clicks are answered: three links, and the way to the staff page."""
    plain, elsewhere = SHOWCASE[0], SHOWCASE[1]
    return f"""
{RULER}
  co-traffic is running. Three links to try, and Ctrl-C to stop:

    a plain redirect
    {link(plain, environment)}

    the same, explained instead of redirected
    {link(plain, environment)}&debug=debug

    {elsewhere.title}, so it goes elsewhere
    {link(elsewhere, environment)}

    the staff page: sign in as {account.name}, password {account.password or "as you have set it"}
    {environment.site_url}/{environment.variables["ADMIN_PATH"].strip("/")}/diagnostics/

  A link for every rule: .venv/bin/python -m devstack links
{RULER}
"""


def all_links(environment: Environment) -> str:
    """Return a link for every example, with what to send for those that come from another place."""
    lines = []
    for example in SHOWCASE:
        lines += [
            f"{example.title} ({example.redirect_type or 'not answered'})",
            f"  {_how(example, environment)}",
        ]
    return "\n".join(lines)


def _how(example: Example, environment: Environment) -> str:
    address = link(example, environment)
    if example.client_ip == environment.variables["DEV_CLIENT_IP"]:
        return address
    return f"curl -i -H 'X-Forwarded-For: {example.client_ip}' '{address}'"


def plain_link(environment: Environment) -> str:
    """Return the link whose answer shows that the whole stack works."""
    return link(SHOWCASE[0], environment)

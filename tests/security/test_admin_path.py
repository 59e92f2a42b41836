"""The staff pages lie where ADMIN_PATH says, and nowhere else."""

import re

import pytest

from devstack.environment import PROJECT
from tests import http_client
from tests.servers import web_worker

# The default itself, and the templates and modules of Django's admin.
ALLOWED = re.compile(r"default=\"admin/\"|ADMIN_PATH|contrib\.admin|[\"'{]admin/[a-z_/]+\.(?:html|css|js)")


@pytest.mark.usefixtures("redis_url", "geoip_databases")
def test_another_path_moves_them() -> None:
    with web_worker(ADMIN_PATH="/back-office") as url:
        assert http_client.get(f"{url}/back-office/login/").status_code == 200
        assert http_client.get(f"{url}/admin/login/").status_code == 404


def test_no_code_or_template_spells_the_path_out() -> None:
    hard_coded = [
        f"{path.relative_to(PROJECT)}:{number}"
        for room in ("cotraffic", "offers", "recipes", "devstack")
        for path in (PROJECT / room).rglob("*")
        if path.suffix in {".py", ".html", ".js"} and "vendor" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"(?<![\w.])/?admin/", line) and not ALLOWED.search(line)
    ]
    assert hard_coded == []

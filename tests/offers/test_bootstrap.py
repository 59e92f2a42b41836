"""What a worker is put together from, and what keeps it from starting."""

import pytest
from pytest_django import Settings

from offers.bootstrap import build_click_writer, build_handler, open_redis


@pytest.mark.usefixtures("redis_url", "geoip_databases")
@pytest.mark.parametrize("name", ["DEFAULT_REDIRECT_URL", "NOT_FOUND_REDIRECT_URL"])
@pytest.mark.parametrize("value", ["https//shop.example/", "https://shop.example:x/"])
def test_a_worker_says_which_redirect_url_is_no_page(settings: Settings, name: str, value: str) -> None:
    setattr(settings, name, value)
    with pytest.raises(ValueError, match=f"^{name} has a"):
        build_handler(open_redis(), build_click_writer())

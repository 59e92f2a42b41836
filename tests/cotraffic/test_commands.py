"""What every command of ours keeps."""

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import SystemCheckError
from pytest_django import Settings

OURS = ("offers", "recipes", "cotraffic.diagnostics")
WITHOUT_REDIS = {"ad_link"}
COMMANDS = sorted({name for name, app in get_commands().items() if app in OURS} - WITHOUT_REDIS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_redis_url_that_cannot_be_read_is_named_and_not_shown(settings: Settings, name: str) -> None:
    settings.REDIS_URL = "redis://:hush/unquoted@localhost/0"
    with pytest.raises(SystemCheckError, match="REDIS_URL") as error:
        call_command(load_command_class(get_commands()[name], name), skip_checks=False)
    assert "hush" not in str(error.value)

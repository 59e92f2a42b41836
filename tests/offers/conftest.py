"""Fixtures for clicks on their way."""

from collections.abc import Iterator

import pytest
import redis
from pytest_django import Settings

from offers.click_log import ClickLog
from tests.offers.bad_dynamodb import BadDynamoDB


@pytest.fixture
def log(redis_client: redis.Redis) -> ClickLog:
    """An empty click log."""
    return ClickLog(redis_client)


@pytest.fixture
def dynamodb(settings: Settings) -> Iterator[BadDynamoDB]:
    """A DynamoDB at the endpoint of the settings, which behaves until it is told otherwise."""
    with BadDynamoDB() as server:
        settings.AWS_DYNAMODB_ENDPOINT = server.url
        yield server

"""The system check of Celery's broker, where it is not the instance's own Redis."""

from django.test import override_settings

from cotraffic.checks import broker
from devstack.services import LOCALHOST, free_port


def test_a_broker_of_its_own_that_is_away_is_a_warning() -> None:
    with override_settings(CELERY_BROKER_URL=f"redis://:hush@{LOCALHOST}:{free_port()}/0"):
        (message,) = broker.check_broker()
    assert message.id == "cotraffic.W057"
    assert "hush" not in f"{message.msg}{message.hint}"


def test_a_broker_that_is_no_redis_is_left_alone() -> None:
    with override_settings(CELERY_BROKER_URL="sqs://"):
        assert broker.check_broker() == []

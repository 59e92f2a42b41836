"""The stand-ins are real servers: they start, answer, stop, and start again."""

import socket
from pathlib import Path

import pytest
import redis

from devstack.services import (
    LOCALHOST,
    Service,
    ServiceError,
    free_port,
    free_ports,
    port_answers,
    valkey_command,
    wait_for_port,
)


@pytest.fixture
def valkey_service(tmp_path: Path) -> Service:
    port = free_port()
    return Service("valkey", valkey_command(port, tmp_path), port)


def test_a_service_answers_while_it_runs_and_only_then(valkey_service: Service) -> None:
    with valkey_service:
        assert redis.Redis(port=valkey_service.port).ping()
    assert not port_answers(valkey_service.port)


def test_what_valkey_holds_survives_a_crash(valkey_service: Service) -> None:
    with valkey_service, redis.Redis(port=valkey_service.port) as client:
        client.set("kept", "yes")
        valkey_service.kill()
        valkey_service.start()
        assert client.get("kept") == b"yes"


def test_valkey_refuses_writes_rather_than_evict(valkey_service: Service) -> None:
    with valkey_service, redis.Redis(port=valkey_service.port) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_port_in_use_is_named(valkey_service: Service) -> None:
    with valkey_service:
        other = Service("other", valkey_service.command, valkey_service.port)
        with pytest.raises(ServiceError, match=f"other: port {valkey_service.port} is already in use"):
            other.start()


def test_a_free_port_is_given_to_nobody_else_and_serves_us() -> None:
    first = free_ports(3)
    for port in (free_port(), first, first + 1, first + 2):
        assert not port_answers(port)
        with socket.socket() as somebody, pytest.raises(OSError, match="in use"):
            somebody.bind((LOCALHOST, port))
        with socket.create_server((LOCALHOST, port)):
            assert port_answers(port)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    port = free_port()
    service = Service("valkey", valkey_command(port, tmp_path / "missing"), port)
    with pytest.raises(ServiceError, match="No such file or directory"):
        service.start()


def test_waiting_for_a_silent_port_ends() -> None:
    with pytest.raises(TimeoutError, match="nothing answers"):
        wait_for_port(free_port(), timeout_seconds=0.1)

"""What has failed is asked again after pauses that double, and after one that worked long, at once."""

from lib.circuit_breaker import CircuitBreaker


def pauses(breaker: CircuitBreaker, failures: int) -> list[float]:
    """How long it stays shut after each of several failures, each at the moment when it may be probed."""
    found, now = [], 0.0
    for _ in range(failures):
        breaker.fail(now)
        later = next(step * 0.25 for step in range(1000) if breaker.may_probe(now + step * 0.25))
        found.append(later)
        now += later
    return found


def test_pauses_double_up_to_the_longest() -> None:
    assert pauses(CircuitBreaker(0.25, 10.0), 8) == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_failures_during_a_pause_do_not_make_it_longer() -> None:
    breaker = CircuitBreaker(1.0, 10.0)
    for now in (0.0, 0.1, 0.2):
        breaker.fail(now)
    assert breaker.may_probe(1.0)


def test_a_success_lets_everything_through_again() -> None:
    breaker = CircuitBreaker(1.0, 10.0)
    breaker.fail(0.0)
    breaker.succeed(1.0)
    assert breaker.is_closed
    assert not breaker.may_probe(100.0)


def test_what_fails_soon_after_a_success_waits_longer_than_before() -> None:
    breaker = CircuitBreaker(1.0, 10.0)
    breaker.fail(0.0)
    breaker.succeed(1.0)
    breaker.fail(2.0)
    assert not breaker.may_probe(3.5)
    assert breaker.may_probe(4.0)


def test_what_worked_for_long_begins_with_the_shortest_pause() -> None:
    breaker = CircuitBreaker(1.0, 10.0)
    breaker.fail(0.0)
    breaker.succeed(1.0)
    breaker.fail(20.0)
    assert breaker.may_probe(21.0)

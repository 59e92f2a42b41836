"""Turns among candidates that a decision proposes, and takes when it stands."""

from offers.routing.round_robin import RoundRobin


def test_candidates_that_a_decision_proposes_twice_take_one_turn() -> None:
    round_robin = RoundRobin()
    proposed = []
    for _ in range(3):
        proposed.append([round_robin.propose(1, 1, (5, 6)) for _ in range(2)])
        round_robin.commit()
    assert proposed == [[5, 5], [6, 6], [5, 5]]

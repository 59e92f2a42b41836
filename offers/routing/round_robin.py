"""Equal shares among the candidates of an aggregated offer, least served first, with no round trip."""

from collections import OrderedDict

Key = tuple[int, int, tuple[int, ...]]


class RoundRobin:
    """Takes turns, one after another, for each (campaign, offer, set of candidates).

    Turns are exact within this process; across workers shares differ by at most the number of workers. Of
    more than `max_keys` sets the one asked least recently is forgotten, and starts anew when asked again.
    """

    def __init__(self, max_keys: int = 10_000) -> None:
        self._turns: OrderedDict[Key, int] = OrderedDict()
        self._max_keys = max_keys
        self._proposed: list[Key] = []

    def choose(self, campaign_id: int, offer_id: int, candidates: tuple[int, ...]) -> int:
        """The candidate whose turn it is; the next call gets the next one."""
        key = (campaign_id, offer_id, candidates)
        turn = self._turns.pop(key, 0)
        self._turns[key] = turn + 1
        if len(self._turns) > self._max_keys:
            self._turns.popitem(last=False)
        return candidates[turn % len(candidates)]

    def propose(self, campaign_id: int, offer_id: int, candidates: tuple[int, ...]) -> int:
        """The candidate whose turn it is; whether it takes the turn, `settle` says."""
        key = (campaign_id, offer_id, candidates)
        self._proposed.append(key)
        return candidates[self._turns.get(key, 0) % len(candidates)]

    def settle(self, *, taken: bool) -> None:
        """Take every turn proposed since the last time, or none of them."""
        if taken:
            for key in self._proposed:
                self.choose(*key)
        self._proposed.clear()

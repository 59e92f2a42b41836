"""Equal shares among the candidates of an aggregated offer, least served first, with no round trip."""

from collections import OrderedDict

Key = tuple[int, int, tuple[int, ...]]


class RoundRobin:
    """Turns in strict order for each (campaign, offer, set of candidates).

    Turns are exact within this process; across workers shares differ by at most the number of workers. Beyond
    `max_keys` sets the least recently used one is forgotten, and starts with its first candidate again.
    """

    def __init__(self, max_keys: int = 10_000) -> None:
        self._turns: OrderedDict[Key, int] = OrderedDict()
        self._max_keys = max_keys
        self._proposed: list[Key] = []

    def choose(self, campaign_id: int, offer_id: int, candidates: tuple[int, ...]) -> int:
        """Take the turn of the next candidate, and return it."""
        key = (campaign_id, offer_id, candidates)
        # Taking the key out and putting it back keeps the dictionary in the order of last use.
        turn = self._turns.pop(key, 0)
        self._turns[key] = turn + 1
        if len(self._turns) > self._max_keys:
            self._turns.popitem(last=False)
        return candidates[turn % len(candidates)]

    def propose(self, campaign_id: int, offer_id: int, candidates: tuple[int, ...]) -> int:
        """Return the candidate whose turn it is; `commit` or `rollback` decides whether the turn is taken."""
        key = (campaign_id, offer_id, candidates)
        # A decision that comes to the same candidates twice takes one turn: only one click is handed out.
        if key not in self._proposed:
            self._proposed.append(key)
        return candidates[self._turns.get(key, 0) % len(candidates)]

    def commit(self) -> None:
        """Take the proposed turns: their decision stands."""
        for key in self._proposed:
            self.choose(*key)
        self._proposed.clear()

    def rollback(self) -> None:
        """Drop the proposed turns: their decision is made again, or was a dry run."""
        self._proposed.clear()

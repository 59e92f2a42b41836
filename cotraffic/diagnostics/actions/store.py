"""Actions of staff, kept in Redis while they wait and run, and for a week after they ended.

Celery does the work itself (`tasks.py` beside this file), never a web worker. Redis keys: `actions:<id>`,
one action; `actions:newest`, the ids of the newest, newest first.
"""

import secrets
import time
from enum import StrEnum
from typing import Any

import msgspec
from redis import Redis

KEPT_SECONDS = 7 * 24 * 3600
NEWEST = 20
# Progress is written no more often than people can read it.
TELL_SECONDS = 0.25

_LIST = "actions:newest"


class ActionState(StrEnum):
    """How far an action has come; after the last two it is over."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Action(msgspec.Struct):
    """One action. Times in milliseconds since the epoch;

    `done` of `total` (None: not known) is the progress of `stage`; `outcome` is in words, once it ended.
    `log_entry` is its entry in the admin's log.
    """

    id: str
    name: str
    title: str
    user: str
    asked_ms: int
    arguments: dict[str, str] = {}
    state: ActionState = ActionState.WAITING
    started_ms: int | None = None
    ended_ms: int | None = None
    stage: str = ""
    done: int = 0
    total: int | None = None
    outcome: str = ""
    log_entry: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, done or failed."""
        return self.state in (ActionState.DONE, ActionState.FAILED)

    @property
    def took_ms(self) -> int | None:
        """How long it ran, in milliseconds; None until it has ended."""
        if self.started_ms is None or self.ended_ms is None:
            return None
        return self.ended_ms - self.started_ms


class ActionFailed(Exception):
    """The action did not do what was asked; the message says why, and what to do."""


class Actions:
    """The actions of this instance. Every method raises `RedisError` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def add(self, name: str, title: str, user: str, arguments: dict[str, str]) -> Action:
        """Add an action that waits to run."""
        action = Action(secrets.token_hex(8), name, title, user, _now_ms(), arguments)
        with self._redis.pipeline() as pipe:
            pipe.set(_key(action.id), msgspec.json.encode(action), ex=KEPT_SECONDS)
            pipe.lpush(_LIST, action.id)
            pipe.ltrim(_LIST, 0, NEWEST - 1)
            pipe.execute()
        return action

    def save(self, action: Action) -> None:
        """Store the current state of an action."""
        self._redis.set(_key(action.id), msgspec.json.encode(action), ex=KEPT_SECONDS)

    def get(self, action_id: str) -> Action | None:
        """Return the action of an id; None if there is none any more."""
        blob: Any = self._redis.get(_key(action_id))
        return None if blob is None else msgspec.json.decode(blob, type=Action)

    def newest(self) -> list[Action]:
        """Return the newest actions, newest first."""
        ids: Any = self._redis.lrange(_LIST, 0, NEWEST - 1)
        if not ids:
            return []
        found: Any = self._redis.mget([_key(action_id.decode()) for action_id in ids])
        return [msgspec.json.decode(blob, type=Action) for blob in found if blob is not None]


class Reporter:
    """Stores the progress of an action where staff see it."""

    def __init__(self, action: Action, actions: Actions) -> None:
        self._action = action
        self._actions = actions
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Store `done` of `total`, which is None if it is not known; too frequent calls are skipped."""
        now = time.monotonic()
        if now < self._next and stage == self._action.stage:
            return
        self._next = now + TELL_SECONDS
        self._action.stage, self._action.done, self._action.total = stage, done, total
        self._actions.save(self._action)


def _key(action_id: str) -> str:
    return f"actions:{action_id}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

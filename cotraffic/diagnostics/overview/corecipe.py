"""The parts co-recipe (master and slave, as the listener sees them) and listener."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from cotraffic.diagnostics.formatting import number
from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources, seconds
from recipes.records.kinds import RecipeKind
from recipes.store.status import HostState, ListenerState, SyncState
from recipes.store.types import RecipeMeta

NAMES = ("master", "slave")


def parts(sources: Sources) -> Iterable[Component]:
    """Describe each co-recipe, then the listener. Raises `RedisError`."""
    state = sources.store.listener_state()
    if state is None:
        hint = "Start `manage.py recipe_listen`. Until then changes arrive with the next look at S3."
        yield Component("listener", "co-recipe", Light.ERROR, "The listener does not run.", hint)
        return
    others_connected = [host.connected_since_ms is not None for host in state.hosts]
    for at, host in enumerate(state.hosts):
        yield _host(NAMES[at] if at < len(NAMES) else str(at + 1), host, any(others_connected))
    if len(state.hosts) < len(NAMES):
        yield Component(
            "corecipe-slave", "co-recipe slave", Light.OFF, "There is none: SOCKET_HOST_SLAVE is empty."
        )
    failing = {
        kind: sync
        for kind, sync in state.syncs.items()
        if sync.last_error and not _is_overcome(sync, sources.store.meta(RecipeKind(kind)))
    }
    yield _listener(state, failing)


def _host(name: str, host: HostState, another_is_connected: bool) -> Component:
    where = urlsplit(host.url).netloc.rpartition("@")[2]
    facts = (
        Fact("Address", where),
        Fact("Connected since", at_s=seconds(host.connected_since_ms)),
        Fact("Last asked", at_s=seconds(host.last_check_ms)),
        Fact("Last answer", at_s=seconds(host.last_answer_ms)),
        Fact("Last number", host.last_answer or "nothing: it answers only when its number differs from ours"),
    )
    key, title = f"corecipe-{name}", f"co-recipe {name}"
    if host.connected_since_ms is not None:
        return Component(key, title, Light.OK, f"Connected to {where}.", facts=facts)
    setting = "SOCKET_HOST_SLAVE" if name == "slave" else "SOCKET_HOST"
    because = f": {host.last_error}" if host.last_error else ""
    hint = f"Is it up, and does {setting} name it? It is tried again all the time."
    state = Light.WARNING if another_is_connected else Light.ERROR
    return Component(key, title, state, f"Not connected to {where}{because}.", hint, facts)


def _is_overcome(sync: SyncState, meta: RecipeMeta) -> bool:
    """Whether another sync has S3's file live since; the listener starts none while numbers are equal."""
    # Not `loaded_at_ms`: a reload from the disk says nothing of S3, and a load from there sets both.
    return (meta.checked_at_ms or 0) > (sync.last_ended_ms or 0)


def _listener(state: ListenerState, failing: dict[str, SyncState]) -> Component:
    """Describe the listener; `failing` are its failed syncs, by kind, that no other has made good."""
    applied = state.updates.get("applied", 0)
    facts = [
        Fact("Running since", at_s=seconds(state.started_ms)),
        Fact("Process", str(state.pid)),
        Fact("Updates", lines=tuple(f"{number(n)} {outcome}" for outcome, n in state.updates.items() if n)),
        Fact("Unreadable events", number(state.malformed), state=Light.WARNING if state.malformed else None),
    ]
    if failing:
        lines = tuple(f"{kind}: {sync.last_error}" for kind, sync in failing.items())
        tries = [sync.next_try_ms for sync in failing.values() if sync.next_try_ms]
        facts.append(Fact("Its last sync failed", lines=lines, state=Light.ERROR))
        facts.append(Fact("Tried again", at_s=seconds(min(tries, default=None))))
    sentence = f"Listens, and has applied {number(applied)} update{'' if applied == 1 else 's'}."
    if failing:
        return Component(
            "listener", "Listener", Light.WARNING, "Listens, but its last sync failed.", facts=tuple(facts)
        )
    return Component("listener", "Listener", Light.OK, sentence, facts=tuple(facts))

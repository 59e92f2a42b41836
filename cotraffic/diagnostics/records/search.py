"""Finds records for staff by id or name, with everything known about one. No click uses it."""

from collections.abc import Sequence

import msgspec

from recipes.index.index import RecordIndex
from recipes.index.maintain import IndexMissing, live_index
from recipes.records.fields import id_of
from recipes.records.kinds import RecipeKind
from recipes.records.records import PARSERS, Campaign, Offer, RecordRejected
from recipes.records.references import Relation, references
from recipes.records.restrictions import AFFILIATE_STATUS, BLACKLISTED
from recipes.store.store import RecipeStore
from recipes.store.types import Journaled, RecipeMeta

FOUND_RECORDS = 25
LATEST_CHANGES = 10
SHOWN_USERS = 20
# Counting stops here: more would take time, and the exact number helps nobody.
COUNTED_USERS = 10_000


class SearchHit(msgspec.Struct, frozen=True):
    """One record in a list. `is_known` False: it is not in the recipe, or cannot be used."""

    kind: RecipeKind
    record_id: int
    name: str
    status: str
    about: str
    is_known: bool = True


class Findings(msgspec.Struct):
    """The result of a search. `more`: there are further hits. `problem`: why names could not be searched.

    `exact` is the record that was searched by its id, None if there is none.
    """

    kind: RecipeKind
    entries: list[SearchHit]
    more: bool = False
    problem: str = ""
    exact: SearchHit | None = None


class Use(msgspec.Struct, frozen=True):
    """Records that use an offer in one way: the first of them, and how many there are.

    `count` is at most `COUNTED_USERS`.
    """

    relation: Relation
    count: int
    entries: list[SearchHit]


class Uses(msgspec.Struct):
    """The records that use an offer; `problem`: why they are not known."""

    uses: list[Use]
    problem: str = ""


class RecordDetails(msgspec.Struct, frozen=True):
    """Everything about one record. `raw` is None if it is not live, `record` if it cannot be used."""

    kind: RecipeKind
    record_id: int
    raw: dict[str, object] | None
    record: Offer | Campaign | None
    why_unusable: str
    update: Journaled | None
    meta: RecipeMeta

    @property
    def as_of_ms(self) -> int | None:
        """When the record was made, in milliseconds since the epoch: by its update, else its file."""
        return self.update.timestamp_ms if self.update and self.is_from_update else self.meta.last_modified_ms

    @property
    def is_from_update(self) -> bool:
        """Whether an update wrote the record last, and not the file."""
        meta_ms = self.meta.last_modified_ms
        return self.update is not None and (meta_ms is None or self.update.timestamp_ms > meta_ms)


def find(
    store: RecipeStore, kinds: Sequence[RecipeKind], text: str, limit: int = FOUND_RECORDS
) -> list[Findings]:
    """Find records whose id is `text`, or whose name contains it, kind by kind. Raises redis-py's errors.

    An id means that record: if there is one, only names that begin with the number are found beside it.
    """
    record_id = id_of(text.strip().lstrip("#"))
    there = {kind for kind in kinds if record_id is not None and store.get(kind, record_id) is not None}
    return [
        _find(store, kind, text, record_id if kind in there else None, limit, bool(there)) for kind in kinds
    ]


def _find(
    store: RecipeStore, kind: RecipeKind, text: str, record_id: int | None, limit: int, only_beginning: bool
) -> Findings:
    findings, ids = Findings(kind, []), list[int]()
    try:
        with live_index(store, kind) as index:
            found = index.search(text, limit, only_beginning=only_beginning)
            ids, findings.more = found.ids, found.more
    except IndexMissing as error:
        findings.problem = str(error)
    if record_id is not None:
        findings.exact = _entry(kind, record_id, store.get(kind, record_id))
        ids = [record_id, *(other for other in ids if other != record_id)]
    # An index may be a moment behind: records that are gone by now are left out.
    findings.entries = [entry for entry in entries(store, kind, ids) if entry.is_known]
    return findings


def latest_changes(store: RecipeStore, kind: RecipeKind) -> list[tuple[SearchHit, int]]:
    """Return the records that updates changed last, newest first, with their times in ms since the epoch."""
    changed = store.latest_updates(kind, LATEST_CHANGES)
    found = entries(store, kind, [record_id for record_id, _ in changed])
    return [(entry, at_ms) for entry, (_, at_ms) in zip(found, changed, strict=True)]


def entries(store: RecipeStore, kind: RecipeKind, ids: list[int]) -> list[SearchHit]:
    """Return an entry for each id, in order, with one read. Raises redis-py's errors."""
    blobs = store.get_many(kind, ids)
    return [_entry(kind, record_id, blob) for record_id, blob in zip(ids, blobs, strict=True)]


def look_up(store: RecipeStore, kind: RecipeKind, record_id: int) -> RecordDetails:
    """Return everything about a record, also about one that does not exist. Raises redis-py's errors."""
    blob = store.get(kind, record_id)
    raw, record, why = None, None, ""
    if blob is not None:
        try:
            raw = msgspec.json.decode(blob, type=dict[str, object])
            record = PARSERS[kind](raw)
        except (RecordRejected, msgspec.DecodeError, RecursionError) as error:
            why = str(error)
    return RecordDetails(
        kind, record_id, raw, record, why, store.journaled(kind, record_id), store.meta(kind)
    )


def used_by(store: RecipeStore, offer_id: int) -> Uses:
    """Return the campaigns and offers that use an offer, by the way they do. Raises redis-py's errors."""
    uses = Uses([])
    for kind in (RecipeKind.CAMPAIGNS, RecipeKind.OFFERS):
        try:
            with live_index(store, kind) as index:
                for relation in Relation:
                    if relation.kind is kind and (use := _use(store, index, offer_id, relation)).count:
                        uses.uses.append(use)
        except IndexMissing as error:
            uses.problem = str(error)
    return uses


def users(
    store: RecipeStore, offer_id: int, relation: Relation, limit: int, after: int = 0
) -> list[SearchHit]:
    """Return up to `limit` records with ids above `after` that use an offer in this way.

    Raises `IndexMissing` and redis-py's errors.
    """
    with live_index(store, relation.kind) as index:
        return entries(store, relation.kind, index.using(offer_id, relation, limit, after))


def points_at(store: RecipeStore, record: Offer | Campaign) -> list[tuple[Relation, SearchHit]]:
    """Return the offers that a record refers to, and how. Raises redis-py's errors."""
    found = sorted((relation, offer_id) for relation, offer_id in references(record) if offer_id)
    named = entries(store, RecipeKind.OFFERS, [offer_id for _, offer_id in found])
    return [(relation, entry) for (relation, _), entry in zip(found, named, strict=True)]


def _use(store: RecipeStore, index: RecordIndex, offer_id: int, relation: Relation) -> Use:
    count = index.count_using(offer_id, relation, COUNTED_USERS)
    ids = index.using(offer_id, relation, SHOWN_USERS) if count else []
    return Use(relation, count, entries(store, relation.kind, ids))


def _entry(kind: RecipeKind, record_id: int, blob: bytes | None) -> SearchHit:
    if blob is None:
        return SearchHit(kind, record_id, "", "not in the recipe", "", is_known=False)
    try:
        record = PARSERS[kind](msgspec.json.decode(blob))
    except (RecordRejected, msgspec.DecodeError, RecursionError) as error:
        return SearchHit(kind, record_id, "", "of no use", str(error), is_known=False)
    if isinstance(record, Offer):
        about = ", ".join(filter(None, (record.type.value, record.advertiser_name, record.vertical_name)))
        return SearchHit(kind, record_id, record.name or "", record.status.value, about)
    affiliate = f"affiliate {record.affiliate_id}" if record.affiliate_id else ""
    about = ", ".join(filter(None, (f"offer {record.offer_id}" if record.offer_id else "", affiliate)))
    is_blacklisted = record.affiliate_status == BLACKLISTED or AFFILIATE_STATUS in record.unreadable
    status = BLACKLISTED if is_blacklisted else record.campaign_status or "no status"
    return SearchHit(kind, record_id, record.name or "", status, about)

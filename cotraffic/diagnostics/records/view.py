"""The panel of records: a search for offers and campaigns, and the page of one."""

import json
import time

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cotraffic.diagnostics.caps import cap_lines
from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.records import describe, search
from cotraffic.diagnostics.records.affiliates import (
    Affiliate,
    affiliate_of,
    find_affiliate,
    names_affiliate,
)
from cotraffic.diagnostics.records.live_caps import live_caps
from cotraffic.diagnostics.records.search import COUNTED_USERS, SHOWN_USERS, RecordDetails
from cotraffic.diagnostics.reports.table import record_addresses
from cotraffic.diagnostics.reports.types import Dimension
from offers.links.links import CannotLink, ad_link, read_expiry
from offers.live_caps.versions import closed
from recipes.index.maintain import IndexMissing
from recipes.records.fields import id_of
from recipes.records.kinds import RecipeKind
from recipes.records.records import Campaign, Offer
from recipes.records.references import Relation
from recipes.store.store import RecipeStore

USERS_A_PAGE = 100
AFFILIATES = "affiliates"
CHOSEN_CAMPAIGNS = 100
SHOWN_VALUE_CHARACTERS = 600
SHOWN_JSON_CHARACTERS = 100_000

# How a record uses an offer, as a heading above those that do.
USED_AS = {
    Relation.CAMPAIGN: "Campaigns of this offer",
    Relation.TARGET: "Campaigns whose target rules send clicks here",
    Relation.CAMPAIGN_CAPS: "Campaigns whose caps send clicks here",
    Relation.EXIT: "Offers whose exit offer this is",
    Relation.CANDIDATE: "Aggregated offers that have this as a candidate",
    Relation.OFFER_CAPS: "Offers whose caps send clicks here",
    Relation.DETECTED: "Offers whose exit chain ends here",
}
# The same, as a label on the page of the record that refers to an offer.
POINTS_AS = {
    Relation.CAMPAIGN: "Its offer",
    Relation.TARGET: "Where target rules send clicks",
    Relation.CAMPAIGN_CAPS: "Where its caps send clicks",
    Relation.EXIT: "Exit offer",
    Relation.CANDIDATE: "Candidate",
    Relation.OFFER_CAPS: "Where its caps send clicks",
    Relation.DETECTED: "First open offer along its exit chain",
}


def page(request: HttpRequest) -> HttpResponse:
    """Show what a search finds, or the record itself if it is the only one; without one, the last changes."""
    asked, only = request.GET.get("q", "").strip()[:200], request.GET.get("kind", "")
    kinds = [RecipeKind(only)] if only in set(RecipeKind) else list(RecipeKind)
    context: dict[str, object] = {"asked": asked, "only": only, "kinds": [*RecipeKind, AFFILIATES]}
    store = _store()
    try:
        if asked:
            findings, affiliate, problem = _found(store, asked, only, kinds)
            if only_hit := _only_hit(findings, affiliate):
                return redirect(only_hit)
            nothing = not affiliate and not any(found.entries for found in findings)
            context |= {"findings": findings, "affiliate": affiliate, "nothing": nothing}
            context["index_problem"] = problem
            if affiliate:
                context["affiliate_reports"] = record_addresses(Dimension.AFFILIATE, affiliate.affiliate_id)
        else:
            context["changes"] = [(kind, search.latest_changes(store, kind)) for kind in kinds]
            context["counts"] = [(kind, store.live_count(kind)) for kind in RecipeKind]
    except RedisError as error:
        context["redis_problem"] = str(error)
    return render_panel(request, "records", context)


def _found(
    store: RecipeStore, asked: str, only: str, kinds: list[RecipeKind]
) -> tuple[list[search.Findings], Affiliate | None, str]:
    """Return the records and the affiliate that a search finds, and why affiliates are not found, or ""."""
    findings = [] if only == AFFILIATES or names_affiliate(asked) else search.find(store, kinds, asked)
    affiliate_id = affiliate_of(asked) if only in ("", AFFILIATES) else None
    if affiliate_id is None:
        return findings, None, ""
    try:
        affiliate = find_affiliate(store, affiliate_id, search.FOUND_RECORDS)
    except IndexMissing as error:
        # The campaigns' own search has said it already.
        return findings, None, "" if findings else str(error)
    return findings, affiliate if affiliate.count else None, ""


def _only_hit(findings: list[search.Findings], affiliate: Affiliate | None) -> str:
    """Return the address of a record or affiliate that was searched by its id, if it is the only hit."""
    hits = [entry for found in findings for entry in found.entries]
    exact = [found.exact for found in findings if found.exact]
    if affiliate:
        return "" if hits or exact else reverse("diagnostics:affiliate", args=[affiliate.affiliate_id])
    if len(exact) == 1 and all(hit == exact[0] for hit in hits):
        return reverse("diagnostics:record", args=[exact[0].kind, exact[0].record_id])
    return ""


def affiliate(request: HttpRequest, affiliate_id: int) -> HttpResponse:
    """Show the campaigns of an affiliate, page by page, and what leads to his clicks."""
    context: dict[str, object] = {
        **{"title": f"Affiliate {affiliate_id}", "affiliate_id": affiliate_id},
        "reports": record_addresses(Dimension.AFFILIATE, affiliate_id),
    }
    try:
        after = id_of(request.GET.get("after")) or 0
        context["affiliate"] = find_affiliate(_store(), affiliate_id, USERS_A_PAGE, after)
    except IndexMissing as error:
        context["index_problem"] = str(error)
    except RedisError as error:
        context["redis_problem"] = str(error)
    return render_panel(request, "records", context, "diagnostics/affiliate.html")


def record(request: HttpRequest, kind: str, record_id: int) -> HttpResponse:
    """Show one offer or campaign."""
    recipe_kind = _kind(kind)
    title = f"{recipe_kind.singular.capitalize()} {record_id}"
    context: dict[str, object] = {"title": title, "kind": recipe_kind, "record_id": record_id}
    store, status = _store(), 200
    try:
        known = search.look_up(store, recipe_kind, record_id)
        campaigns, neighbours = _neighbours(store, known)
        context |= _described(known) | neighbours
        if isinstance(known.record, Offer | Campaign):
            context |= _caps(request, known, known.record)
            context |= _link_builder(request, known.record, campaigns)
        status = 404 if known.raw is None else 200
    except RedisError as error:
        context["redis_problem"] = str(error)
    return render_panel(request, "records", context, "diagnostics/record.html", status=status)


def users(request: HttpRequest, record_id: int, relation: str) -> HttpResponse:
    """Show all records that use an offer in one way, page by page."""
    try:
        found = Relation[relation.upper()]
    except KeyError:
        raise Http404(f"nothing uses an offer as {relation}") from None
    after = id_of(request.GET.get("after")) or 0
    context: dict[str, object] = {
        **{"title": USED_AS[found], "record_id": record_id, "relation": relation, "after": after},
    }
    try:
        entries = search.users(_store(), record_id, found, USERS_A_PAGE + 1, after)
        context["entries"] = entries[:USERS_A_PAGE]
        context["next_after"] = entries[USERS_A_PAGE - 1].record_id if len(entries) > USERS_A_PAGE else None
    except IndexMissing as error:
        context["index_problem"] = str(error)
    except RedisError as error:
        context["redis_problem"] = str(error)
    return render_panel(request, "records", context, "diagnostics/record_users.html")


def _store() -> RecipeStore:
    return RecipeStore(get_redis_connection("default"))


def _kind(kind: str) -> RecipeKind:
    try:
        return RecipeKind(kind)
    except ValueError:
        raise Http404(f"there are offers and campaigns, and no {kind}") from None


def _described(known: RecordDetails) -> dict[str, object]:
    """Return the context of the record itself: its fields, its rules in words, its raw JSON."""
    context: dict[str, object] = {"known": known, "record": known.record}
    if known.raw is None:
        return context
    raw = json.dumps(known.raw, indent=2, ensure_ascii=False)
    context |= {
        "fields": [(name, _shown(value)) for name, value in known.raw.items()],
        "raw_json": raw[:SHOWN_JSON_CHARACTERS],
        "raw_json_cut": len(raw) - SHOWN_JSON_CHARACTERS if len(raw) > SHOWN_JSON_CHARACTERS else 0,
    }
    found, now_ms = known.record, time.time_ns() // 1_000_000
    if found is not None:
        is_offer = isinstance(found, Offer)
        context |= {
            "name": found.name,
            "is_offer": is_offer,
            "affiliate_id": None if isinstance(found, Offer) else found.affiliate_id,
            "standing": describe.standing(found),
            "refused_as": describe.refused_as(found),
            "payout_words": describe.payout_words(found),
            "rules": describe.described_rules(found, now_ms),
            "reports": record_addresses(
                Dimension.ORIGIN_OFFER if is_offer else Dimension.CAMPAIGN, known.record_id
            ),
        }
    return context


def _neighbours(store: RecipeStore, known: RecordDetails) -> tuple[list[search.SearchHit], dict[str, object]]:
    """Return its campaigns, and the context of the records that it refers to and that use it."""
    campaigns: list[search.SearchHit] = []
    context: dict[str, object] = {"shown_users": SHOWN_USERS, "counted_users": COUNTED_USERS}
    if known.record is not None:
        context["points_at"] = [
            (POINTS_AS[relation], entry) for relation, entry in search.points_at(store, known.record)
        ]
    if known.kind is RecipeKind.OFFERS:
        uses = search.used_by(store, known.record_id)
        context["uses"] = [(USED_AS[use.relation], use) for use in uses.uses]
        context["index_problem"] = uses.problem
        if known.raw is not None and not uses.problem:
            campaigns = search.users(store, known.record_id, Relation.CAMPAIGN, CHOSEN_CAMPAIGNS)
    return campaigns, context | {"campaigns": campaigns}


def _caps(request: HttpRequest, known: RecordDetails, record: Offer | Campaign) -> dict[str, object]:
    """Return the context of the record's caps, in words."""
    if record.caps is None or known.raw is None:
        return {}
    limits, problem = live_caps(request, known.kind, record, known.raw)
    now_s = time.time()
    context: dict[str, object] = {
        "caps": cap_lines(known.raw, known.as_of_ms, limits, now_s),
        "live_caps_problem": problem,
    }
    if limits:
        # Workers go by a copy that is over its limit; its rules are what clicks meet.
        context["rules"] = describe.described_rules(closed(record, limits[0].counted), int(now_s * 1000))
    return context


def _link_builder(
    request: HttpRequest, record: Offer | Campaign, campaigns: list[search.SearchHit]
) -> dict[str, object]:
    """Return the context of an ad link: an offer with one of its campaigns, a campaign with its offer."""
    expires = request.GET.get("expires", "").strip()[:40]
    context: dict[str, object] = {"can_expire": bool(settings.AD_TOKEN_KEYS), "expires": expires}
    if isinstance(record, Campaign):
        offer_id, campaign_id = record.offer_id, record.campaign_id
    else:
        asked = id_of(request.GET.get("campaign")) or (campaigns[0].record_id if campaigns else 0)
        offer_id, campaign_id = record.offer_id, asked
    context |= {"link_offer": offer_id, "link_campaign": campaign_id}
    if not offer_id or not campaign_id:
        return context
    try:
        expires_s = read_expiry(expires) if expires else 0
        site = request.build_absolute_uri("/")
        context["link"] = ad_link(site, offer_id, campaign_id, expires_s=expires_s)
        context["link_expires_s"] = expires_s or None
    except CannotLink as error:
        context["link_problem"] = str(error)
    return context


def _shown(value: object) -> str:
    """Format a field's value on one line; "" if it has none."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE_CHARACTERS else f"{text[:SHOWN_VALUE_CHARACTERS]}…"

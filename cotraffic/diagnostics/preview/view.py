"""The panel of the recipe preview, and the decision on the files that were previewed."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cotraffic.diagnostics.access import staff_user
from cotraffic.diagnostics.actions.enqueue import enqueue
from cotraffic.diagnostics.actions.kinds import KINDS
from cotraffic.diagnostics.actions.store import Action, Actions
from cotraffic.diagnostics.panels import render_panel
from cotraffic.diagnostics.preview.preview import DEFAULT_CLICKS, MOST_CLICKS, Preview, is_live, newest
from recipes.records.fields import id_of
from recipes.records.kinds import RecipeKind
from recipes.store.store import RecipeStore
from recipes.sync import hold as holds
from recipes.sync.comparison import CAPS_FIELD, Comparison

RECORDS_A_PAGE = 50
CLICK_CHOICES = (200, DEFAULT_CLICKS, 5_000, MOST_CLICKS)
OURS = ("preview", "make-live", "leave")
# What can be decided, its button, and how that looks.
DECISIONS = (("make-live", "Make it live…", ""), ("leave", "Leave it…", "is-quiet"))
SORTS = ("added", "removed", "changed")


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Show the newest preview, and what can be decided."""
    context: dict[str, object] = {
        **{"choices": CLICK_CHOICES, "chosen": DEFAULT_CLICKS, "decisions": DECISIONS},
    }
    try:
        store = _store()
        context |= _progress()
        context["kinds"] = [(kind, store.meta(kind), store.holds.of(kind)) for kind in RecipeKind]
        found = newest(store)
        if found is not None:
            context |= _described(found, store) | _listed(request, found)
    except RedisError as error:
        context["redis_problem"] = str(error)
    return render_panel(request, "preview", context)


@require_GET
def progress(request: HttpRequest) -> HttpResponse:
    """Return the progress of the newest preview or decision as a fragment of the page."""
    try:
        context = _progress()
    except RedisError as error:
        context = {"redis_problem": str(error)}
    return render(request, "diagnostics/includes/preview_progress.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Queue a preview of the files in S3; syncs wait until it has been read."""
    clicks = min(id_of(request.POST.get("clicks")) or DEFAULT_CLICKS, MOST_CLICKS)
    try:
        store = _store()
        for kind in RecipeKind:
            holds.hold_for_review(kind, store, staff_user(request).get_username())
        enqueue(KINDS["preview"], staff_user(request), {"clicks": str(clicks)})
    except RedisError as error:
        return _redis_is_away(request, error)
    return redirect("diagnostics:preview")


@require_POST
def decide(request: HttpRequest, decision: str) -> HttpResponse:
    """Make the previewed files live, or leave them; needs confirmation."""
    if decision not in ("make-live", "leave"):
        raise Http404(f"{decision} is no decision")
    kind = KINDS[decision]
    try:
        store = _store()
        found = newest(store)
        if found is None or not found.kinds:
            return _not_decided(request, "There is no preview to decide on any more. Preview once more.")
        if why := _why_not(request, store, found):
            return _not_decided(request, why)
        forced = "forced" in request.POST
        asks_for_force = decision == "make-live" and found.is_held_back and not forced
        if "confirmed" not in request.POST or asks_for_force:
            context = {
                "title": kind.title,
                "decision": decision,
                "found": found,
                "unforced": "confirmed" in request.POST,
            }
            return render_panel(request, "preview", context, "diagnostics/preview_confirm.html")
        arguments = dict(found.etags)
        if forced and found.is_held_back:
            arguments["force"] = "yes"
        enqueue(kind, staff_user(request), arguments)
    except RedisError as error:
        return _redis_is_away(request, error)
    return redirect("diagnostics:preview")


def _why_not(request: HttpRequest, store: RecipeStore, found: Preview) -> str:
    """Return why the posted decision is refused, "" if it is not: its tab may be older than what was done."""
    if any(request.POST.get(kind, "") != found.etags.get(kind, "") for kind in RecipeKind):
        return "There is a newer preview than the one that you decided on. Look at that first."
    if all(is_live(store, kind, comparison.etag) for kind, comparison in found.kinds.items()):
        return "What was previewed is live already, so there is nothing to decide."
    if _progress()["busy"]:
        return "A preview or a decision is under way. Wait until it is over, and look at what it came to."
    return ""


@require_POST
def go_on(request: HttpRequest) -> HttpResponse:
    """End the wait of syncs without a decision. A file that somebody left stays left."""
    try:
        store = _store()
        for kind in RecipeKind:
            holds.end_review(kind, store)
    except RedisError as error:
        return _redis_is_away(request, error)
    return redirect("diagnostics:preview")


def _store() -> RecipeStore:
    return RecipeStore(get_redis_connection("default"))


def _progress() -> dict[str, object]:
    """Return the newest action of this panel."""
    ours = [action for action in Actions(get_redis_connection("default")).newest() if action.name in OURS]
    newest_action: Action | None = ours[0] if ours else None
    return {"action": newest_action, "busy": newest_action is not None and not newest_action.is_over}


def _described(found: Preview, store: RecipeStore) -> dict[str, object]:
    """Return the context of a preview; `is_open` while there is something to decide."""
    live = {kind: store.meta(kind) for kind in found.kinds}
    done = [kind for kind, meta in live.items() if meta.etag == found.kinds[kind].etag]
    overtaken = [
        kind
        for kind, meta in live.items()
        if kind not in done and meta.generation != found.kinds[kind].live_generation
    ]
    left = {}
    for kind, comparison in found.kinds.items():
        hold = store.holds.of(kind).left
        if hold is not None and hold.etag == comparison.etag:
            left[kind] = hold
    clicks = found.clicks
    return {
        "found": found,
        "comparisons": list(found.kinds.values()),
        "done": done,
        "overtaken": overtaken,
        "left": list(left.items()),
        "is_open": bool(found.kinds) and len(done) < len(found.kinds) and not overtaken,
        "elsewhere_percent": 100 * clicks.elsewhere / clicks.clicks if clicks and clicks.clicks else 0,
        "groups_most": clicks.groups[0].count if clicks and clicks.groups else 0,
    }


def _listed(request: HttpRequest, found: Preview) -> dict[str, object]:
    """Return the context of the requested list of records and its requested page."""
    tabs = [
        (kind, sort, count)
        for kind, comparison in found.kinds.items()
        for sort in SORTS
        if (count := getattr(comparison, sort))
    ]
    if not tabs:
        return {}
    chosen = (request.GET.get("kind"), request.GET.get("sort"))
    kind, sort, count = next((tab for tab in tabs if tab[:2] == chosen), tabs[0])
    comparison: Comparison = found.kinds[kind]
    records = getattr(comparison, f"{sort}_records")
    pages = max(1, -(-len(records) // RECORDS_A_PAGE))
    number = min(id_of(request.GET.get("page")) or 1, pages)
    return {
        **{"tabs": tabs, "tab_kind": kind, "tab_sort": sort, "tab_count": count, "kept": len(records)},
        **{"page_number": number, "page_count": pages},
        "records": records[(number - 1) * RECORDS_A_PAGE : number * RECORDS_A_PAGE],
        "fields": list(comparison.fields.items())[:20] if sort == "changed" else [],
        "caps_as_of": _caps_as_of(comparison) if CAPS_FIELD in comparison.fields else None,
    }


def _caps_as_of(comparison: Comparison) -> tuple[int | None, int]:
    """Return when the live file and the file in S3 were made, in milliseconds since the epoch."""
    return _store().meta(comparison.kind).last_modified_ms, comparison.last_modified_ms


def _not_decided(request: HttpRequest, why: str) -> HttpResponse:
    context = {"title": "Nothing was decided", "why": why}
    return render_panel(request, "preview", context, "diagnostics/preview_confirm.html", status=409)


def _redis_is_away(request: HttpRequest, problem: RedisError) -> HttpResponse:
    context = {"redis_problem": str(problem), "choices": CLICK_CHOICES}
    return render_panel(request, "preview", context, status=503)

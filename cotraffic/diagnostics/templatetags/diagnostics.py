"""Tags and filters of the panels: times, numbers, lights, empty states, problems, tables."""

import time

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cotraffic.diagnostics import formatting
from cotraffic.diagnostics.clicks.shown import shown_as
from cotraffic.diagnostics.preview.changes import is_refusal, rule_entry, same_rule
from cotraffic.diagnostics.preview.simulate import OTHER_RULES
from cotraffic.diagnostics.words import (
    ReferenceEntry,
    automated_entry,
    redirect_type_entry,
    refusal_entry,
)
from offers.rules.common.redirect_type import RedirectType
from offers.rules.common.sentences import amount
from offers.stats.types import Cache

register = template.Library()

register.filter("number", formatting.number)
register.filter("money", formatting.money)
register.filter("duration", formatting.duration)
register.filter("file_size", formatting.file_size)
register.filter("destination", formatting.destination)
register.filter("amount", amount)
register.filter("same_rule", same_rule)
register.filter("shown_as", shown_as)


@register.filter
def duration_ms(milliseconds: float) -> str:
    """Format a duration given in milliseconds."""
    return formatting.duration(milliseconds / 1000)


@register.filter
def hit_rate(cache: Cache) -> str:
    """Format the share of a cache's look-ups that were hits."""
    lookups = (cache.hits or 0) + cache.misses
    return f"{100 * (cache.hits or 0) / lookups:.0f} % known" if lookups else "not asked yet"


@register.simple_tag
def moment(at_seconds: float | None, missing: str = "never") -> SafeString:
    """Show a time in seconds since the epoch: how long ago (updated by page.js), and when, with its zone."""
    if at_seconds is None:
        return format_html('<span class="quiet">{}</span>', missing)
    return format_html(
        '<time class="moment" datetime="{}" data-ago><span class="ago">{}</span> '
        '<span class="absolute">{}</span></time>',
        formatting.iso(at_seconds),
        formatting.relative(at_seconds, time.time()),
        formatting.absolute(at_seconds),
    )


@register.simple_tag
def moment_ms(at_ms: float | None, missing: str = "never") -> SafeString:
    """Show a time in milliseconds since the epoch, as `moment` does."""
    return moment(None if at_ms is None else at_ms / 1000, missing)


def _code(entry: ReferenceEntry) -> SafeString:
    """Show the code of an entry, which leads to what it means."""
    return format_html(
        '<a class="code" href="{}" title="{}">{}</a>', entry.url, entry.words.meaning, entry.code
    )


def _with_code(entry: ReferenceEntry, shown: str) -> SafeString:
    """Show an entry as `shown`, with its code small below."""
    if entry.words.short == entry.code:
        # It has no words of ours, and the code would be there twice.
        return format_html('{} <a class="code" href="{}">a record\'s own words</a>', shown, entry.url)
    return format_html("{} {}", shown, _code(entry))


@register.simple_tag
def clock_ms(at_ms: float) -> SafeString:
    """Show a time in milliseconds since the epoch with its zone, without saying how long ago it was."""
    at_s = at_ms / 1000
    return format_html('<time datetime="{}">{}</time>', formatting.iso(at_s), formatting.absolute(at_s))


@register.simple_tag
def redirect_type(code: str | None, reason: object = "") -> SafeString:
    """Show a stored redirect type in words, with the code below, which leads to its meaning.

    With the redirect `reason`, an exit to an aggregated offer says as well why the click left.
    """
    if not code:
        return format_html('<span class="quiet">{}</span>', "-")
    entry = redirect_type_entry(code, reason if isinstance(reason, str) else "")
    return _with_code(entry, format_html("<span>{}</span>", entry.words.short))


@register.simple_tag
def refusal(reason: str) -> SafeString:
    """Show a reason to refuse a link in words, with the code below, which leads to its meaning."""
    entry = refusal_entry(reason)
    return _with_code(entry, format_html("<span>{}</span>", entry.words.short))


@register.simple_tag
def simulated_rule(rule: str) -> SafeString:
    """Show what decides a group of clicks of a preview: a redirect type, or why they are refused."""
    if rule == OTHER_RULES:
        return format_html("<span>{}</span>", rule)
    entry = rule_entry(rule)
    shown = format_html("<span>{}</span>", entry.words.short)
    if is_refusal(rule):
        shown = format_html("{} {}", badge("refused", "error"), shown)
    return _with_code(entry, shown)


@register.simple_tag
def refusal_code(reason: str) -> SafeString:
    """Show the code of a reason to refuse a link, which leads to its meaning."""
    return _code(refusal_entry(reason))


@register.simple_tag
def automated(reason: str) -> SafeString:
    """Show what made an automated click as a badge, with the code below, which leads to its meaning."""
    entry = automated_entry(reason)
    return _with_code(entry, badge(entry.words.short, "warning"))


@register.filter
def without_code(reason: str) -> str:
    """Return a redirect reason without the redirect type that it begins with, which is shown beside it."""
    code, _, said = reason.partition(": ")
    return said if said and code in set(RedirectType) else reason


@register.filter
def with_commands(text: str) -> SafeString:
    """Show what stands between backticks as code."""
    parts = text.split("`")
    marked = [("<code>{}</code>" if at % 2 else "{}", part) for at, part in enumerate(parts)]
    return format_html("".join(form for form, _ in marked), *(part for _, part in marked))


@register.filter
def refusal_words(reason: str) -> str:
    """Return a reason to refuse a link in words."""
    return refusal_entry(reason).words.short


@register.simple_tag
def badge(text: object, state: str = "neutral") -> SafeString:
    """Show a short word in a box; `state` is ok, warning, error, info or neutral."""
    return format_html('<span class="badge is-{}">{}</span>', state, text)


@register.simple_tag
def light(state: str) -> SafeString:
    """Show a light (ok, warning, error, off or unknown), with its word for people who see no colours."""
    words = {
        "ok": "Well",
        "warning": "Look here",
        "error": "Wrong",
        "off": "Not in use",
        "unknown": "Not known",
    }
    return format_html(
        '<span class="light is-{}" role="img" aria-label="{}" title="{}"></span>',
        state,
        words[state],
        words[state],
    )


@register.inclusion_tag("diagnostics/includes/empty.html")
def empty(headline: str, what_to_do: str = "") -> dict[str, str]:
    """Say that a list is empty, and how something gets into it."""
    return {"headline": headline, "what_to_do": what_to_do}


@register.inclusion_tag("diagnostics/includes/problem.html")
def problem(headline: str, what_to_do: str = "", detail: str = "") -> dict[str, str]:
    """Show a problem: what went wrong, what to do about it, and the error message."""
    return {"headline": headline, "what_to_do": what_to_do, "detail": detail}


@register.simple_block_tag
def scrolling(content: SafeString, label: str) -> SafeString:
    """Show a table that may be wider than the screen: it scrolls by itself, also by keyboard."""
    return format_html(
        '<div class="scrolling" role="region" aria-label="{}" tabindex="0">{}</div>', label, content
    )

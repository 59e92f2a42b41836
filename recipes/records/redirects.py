"""The redirect URLs of the settings, read as pages: for clicks without a page, and for refused ones."""

from django.conf import settings

from recipes.records.landing_page import BadPage, Page, compile_page, redirect_url, trimmed


def last_page() -> Page:
    """Read the page of last resort. Raises `ValueError` if it cannot be a page."""
    try:
        return compile_page(settings.DEFAULT_REDIRECT_URL)
    except BadPage as error:
        raise ValueError(f"DEFAULT_REDIRECT_URL {error}") from None


def not_found_url() -> str:
    """Return where refused clicks go, "" for a page of ours. Raises `ValueError` if it cannot be a page."""
    written = settings.NOT_FOUND_REDIRECT_URL
    try:
        return redirect_url(written) if trimmed(written) else ""
    except BadPage as error:
        raise ValueError(f"NOT_FOUND_REDIRECT_URL {error}") from None

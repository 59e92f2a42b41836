"""Where clicks go that no offer has a page for: the redirect URLs of the settings, read as pages."""

from django.conf import settings

from recipes.records.landing_page import BadPage, Page, compile_page, redirect_url, trimmed


def last_page() -> Page:
    """The page of last resort. Raises `ValueError` for one that cannot be a page."""
    try:
        return compile_page(settings.DEFAULT_REDIRECT_URL)
    except BadPage as error:
        raise ValueError(f"DEFAULT_REDIRECT_URL {error}") from None


def not_found_url() -> str:
    """Where refused clicks go, "" for a small page. Raises `ValueError` for what cannot be a page."""
    written = settings.NOT_FOUND_REDIRECT_URL
    try:
        return redirect_url(written) if trimmed(written) else ""
    except BadPage as error:
        raise ValueError(f"NOT_FOUND_REDIRECT_URL {error}") from None

"""`manage.py ad_link OFFER CAMPAIGN`: make a link."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from offers.links.links import CannotLink, ad_link, read_expiry


class Command(BaseCommand):
    """Prints one link, and nothing else, on standard output."""

    help = (
        "Make a link for an offer and a campaign, encrypted with this instance's keys. Old form by default, "
        "unless AD_TOKEN_V1=refuse; the sealed form (v2) can expire, and its keys can be changed."
    )
    # A link can be made while Redis or GeoIP are away.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take ids and options."""
        parser.add_argument("offer", type=int, help="id of the offer")
        parser.add_argument("campaign", type=int, help="id of the campaign")
        parser.add_argument(
            "--v2", action="store_true", help="the sealed form, with the first of AD_TOKEN_KEYS"
        )
        parser.add_argument(
            "--expires",
            metavar="WHEN",
            help="when the link ends: 90m, 12h, 30d, 8w, or an ISO 8601 date or time (UTC unless it says "
            "otherwise); implies --v2",
        )
        parser.add_argument(
            "--site",
            default=f"http://{settings.HOST}:{settings.PORT}",
            help="what the link begins with, such as https://click.example (default: %(default)s)",
        )

    def handle(
        self, *, offer: int, campaign: int, v2: bool, expires: str | None, site: str, **_: object
    ) -> None:
        """Print the link; raises CommandError where there can be none."""
        try:
            expires_s = read_expiry(expires) if expires else 0
            link = ad_link(
                site,
                offer,
                campaign,
                sealed=True if v2 or expires_s else None,
                expires_s=expires_s,
            )
        except CannotLink as error:
            raise CommandError(f"{error}.") from error
        self.stdout.write(link)
        if expires_s:
            self.stderr.write(f"expires at {datetime.fromtimestamp(expires_s, UTC).isoformat()}")

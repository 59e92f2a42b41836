"""The redirect types that rules come to: exactly these texts are stored and reported on."""

from enum import StrEnum


class RedirectType(StrEnum):
    """Why a click went where it went, in the order in which rules are asked.

    A record's own `redirectType` may replace that of its caps, so a stored click may have any other text.
    """

    BEST_OF_AGGREGATED = "offerAggregatedBestOffer"
    NONE_OF_AGGREGATED = "offerAggregatedExitTrafficToRegularOffer"
    EXIT_TO_AGGREGATED = "offerAggregatedExitTrafficToAggregatedOffer"
    OUTSIDE_DATES = "offerStartEndDateRangeNotPass"
    COUNTRY_RESTRICTED = "offerGeoRestriction"
    CUSTOM_PAGE = "customLandingPages"
    CAMPAIGN_OVER_CAP = "capsCampaignOverLimit"
    CAMPAIGN_UNDER_CAP = "capsCampaignUnderLimit"
    OFFER_OVER_CAP = "capsOfferOverLimit"
    OFFER_UNDER_CAP = "capsOfferUnderLimit"
    COUNTRY_PAYOUT = "customPayOutPerGeo"
    TARGET_RULES = "campaignTargetRules"
    DEFAULT = "defaultRedirection"

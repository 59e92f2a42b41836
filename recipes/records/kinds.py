"""The two kinds of recipe."""

from enum import StrEnum


class RecipeKind(StrEnum):
    """The two kinds of recipe."""

    OFFERS = "offers"
    CAMPAIGNS = "campaigns"

    @property
    def id_field(self) -> str:
        """The field that holds a record's id."""
        return "offerId" if self is RecipeKind.OFFERS else "campaignId"

    @property
    def singular(self) -> str:
        """One record of the kind, in a word."""
        return self.value[:-1]

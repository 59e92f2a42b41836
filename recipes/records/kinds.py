"""The two kinds of recipe."""

from enum import StrEnum


class RecipeKind(StrEnum):
    """A kind of recipe; its value is its name in Redis keys and in commands."""

    OFFERS = "offers"
    CAMPAIGNS = "campaigns"

    @property
    def id_field(self) -> str:
        """The field with a record's id."""
        return "offerId" if self is RecipeKind.OFFERS else "campaignId"

    @property
    def singular(self) -> str:
        """The word for one record of the kind."""
        return self.value[:-1]

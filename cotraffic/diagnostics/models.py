"""What this app keeps in the accounts database: saved views; and the object of actions in the admin's log."""

from django.conf import settings
from django.db import models

NAME_CHARACTERS = 80
QUERY_CHARACTERS = 2_000


class Instance(models.Model):
    """This instance of co-traffic. It has no table."""

    class Meta:
        """Neither a table nor permissions."""

        managed = False
        default_permissions = ()
        verbose_name = "this instance"

    def __str__(self) -> str:
        return "this instance"


class SavedView(models.Model):
    """A report under a name: `query` is the query of its address. All staff see a shared one."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=NAME_CHARACTERS)
    query = models.CharField(max_length=QUERY_CHARACTERS)
    is_shared = models.BooleanField(default=False)

    class Meta:
        """One of a name for each owner; no permissions, because staff may do all there is to do."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("owner", "name"), name="saved_view_of_owner"),)

    def __str__(self) -> str:
        return self.name

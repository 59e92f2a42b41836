"""The object of actions in the admin's log. It has no table: this app stores nothing in the database."""

from django.db import models


class Instance(models.Model):
    """This instance of co-traffic."""

    class Meta:
        """Neither a table nor permissions."""

        managed = False
        default_permissions = ()
        verbose_name = "this instance"

    def __str__(self) -> str:
        return "this instance"

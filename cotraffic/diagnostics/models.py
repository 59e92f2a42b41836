"""What the admin's log says an action was done to. No table: this app keeps nothing."""

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

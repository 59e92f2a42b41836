"""Commands whose exit codes mean something, which their `--help` lists."""

import argparse

from django.core.management.base import BaseCommand, CommandParser


class ExitCodeCommand(BaseCommand):
    """A command with `exit_codes`, a text of several lines, at the end of its help."""

    exit_codes = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        """Add the exit codes, and keep their lines apart."""
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=self.exit_codes, **kwargs)

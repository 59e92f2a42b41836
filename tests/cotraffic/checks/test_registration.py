"""A module of checks that nobody imports checks nothing, and nobody would notice."""

import pkgutil

from django.core.checks.registry import registry

from cotraffic import checks


def test_the_checks_of_every_module_are_registered() -> None:
    registered = {check.__module__ for check in registry.get_checks(include_deployment_checks=True)}
    modules = {f"cotraffic.checks.{module.name}" for module in pkgutil.iter_modules(checks.__path__)}
    assert modules - registered == set()

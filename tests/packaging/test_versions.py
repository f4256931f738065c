"""One version everywhere, and siblings that ask for it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import exo_core

if TYPE_CHECKING:
    from conftest import Package


def test_all_packages_have_one_version(root_package: Package, packages: list[Package]) -> None:
    versions = {package.name: package.project["version"] for package in [root_package, *packages]}
    assert set(versions.values()) == {exo_core.__version__}, versions


def test_what_is_installed_is_what_the_files_say(root_package: Package, packages: list[Package]) -> None:
    for package in [root_package, *packages]:
        assert version(package.name) == package.project["version"], package.name


def test_siblings_ask_for_the_same_minor_version(root_package: Package, packages: list[Package]) -> None:
    major, minor, _ = (int(part) for part in exo_core.__version__.split("."))
    siblings = {package.name for package in packages}
    wanted = {f">={major}.{minor}", f"<{major}.{minor + 1}"}
    for package in [root_package, *packages]:
        for requirement in package.all_requirements:
            if requirement.name in siblings:
                assert {str(part) for part in requirement.specifier} == wanted, (package.name, str(requirement))


def test_all_packages_run_on_the_same_pythons(root_package: Package, packages: list[Package]) -> None:
    assert {package.project["requires-python"] for package in [root_package, *packages]} == {">=3.11"}

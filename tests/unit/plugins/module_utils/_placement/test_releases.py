# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of Triton's releases."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.release import parse_release
from ansible_collections.inference.triton.plugins.module_utils._placement.releases import (
    MIN_DRIVERS,
    RELEASES,
    find_release,
    parse_driver,
    release_of_server,
)


def test_there_is_a_release_for_each_month():
    months = [year * 12 + month for year, month in (parse_release(release.name) for release in RELEASES)]
    assert months == list(range(months[0], months[0] + len(RELEASES)))
    assert (RELEASES[0].name, RELEASES[-1].name) == ("21.06", "26.08")


def test_versions_of_the_server_only_grow():
    versions = [parse_driver(release.server) for release in RELEASES]
    assert versions == sorted(set(versions))


def test_the_cuda_version_only_grows():
    majors = [release.cuda_major for release in RELEASES if release.cuda_major]
    assert majors == sorted(majors)
    assert set(majors) == set(MIN_DRIVERS)


def test_every_driver_is_one_and_new_enough_for_its_cuda():
    for release in RELEASES:
        if release.driver:
            assert parse_driver(release.driver) >= parse_driver(MIN_DRIVERS[release.cuda_major]), release


@pytest.mark.parametrize(
    ("name", "minimum"), [("21.06", (6, 0)), ("24.10", (6, 0)), ("24.11", (7, 5)), ("26.08", (7, 5))]
)
def test_the_lowest_compute_capability_rose_with_24_11(name, minimum):
    assert find_release(name).min_compute_capability == minimum


def test_a_release_is_known_by_the_version_of_its_server():
    assert all(release_of_server(release.server) == release for release in RELEASES)
    assert release_of_server("2.99.0") is None
    assert release_of_server("") is None


def test_every_row_says_where_it_is_from():
    assert all(release.told_by for release in RELEASES)


def test_the_branches_that_a_package_bridges_are_known_of_few_releases_only():
    known = {release.name: release.compat_branches for release in RELEASES if release.compat_branches}
    assert known == {"25.12": (535, 550, 570, 575, 580, 590)}


def test_what_is_not_known_is_empty():
    release = find_release("23.02")
    assert (release.cuda, release.cuda_major, release.driver) == ("", None, "")


def test_a_release_that_is_newer_than_the_table_is_taken_for_the_newest():
    assert find_release("31.01") == RELEASES[-1]


def test_a_release_from_before_the_table_is_an_error_that_names_the_oldest():
    with pytest.raises(ConfigError) as raised:
        find_release("20.12")
    assert "The oldest release that is known is 21.06." in str(raised.value)


@pytest.mark.parametrize("text", ["25.13", "25", "2.62.0", "latest"])
def test_what_is_no_release_is_an_error(text):
    with pytest.raises(ConfigError):
        find_release(text)


@pytest.mark.parametrize(
    ("text", "driver"),
    [("550.54.15", (550, 54, 15)), ("565.77", (565, 77)), ("", None), ("N/A", None), ("5.x", None), ("²", None)],
)
def test_a_driver_version_is_read_as_numbers(text, driver):
    assert parse_driver(text) == driver

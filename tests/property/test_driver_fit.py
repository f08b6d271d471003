# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a driver, a release, a note and the GPUs are, there is a decision, and it does not contradict itself."""

from __future__ import annotations

import json

from ansible_collections.inference.triton.plugins.module_utils._placement.driver_fit import DriverFit, driver_fit
from ansible_collections.inference.triton.plugins.module_utils._placement.installation import CompatNote
from ansible_collections.inference.triton.plugins.module_utils._placement.releases import (
    MIN_DRIVERS,
    RELEASES,
    parse_driver,
)
from ansible_collections.inference.triton.plugins.module_utils._policy.gpus import Gpu
from hypothesis import given
from hypothesis import strategies as st

FINE = ("bundled", "minor_version", "forward_compatibility")
# The more a driver does by itself, the further to the left.
RANKS = {"bundled": 3, "minor_version": 2, "forward_compatibility": 1, "too_old": 0}

branches = st.sampled_from([418, 450, 470, 495, 510, 520, 525, 530, 535, 545, 550, 555, 560, 570, 575, 580, 590, 610])
versions = st.tuples(branches, st.integers(0, 300), st.integers(0, 99))
released = [release.driver for release in RELEASES if release.driver]
drivers = st.sampled_from(released) | versions.map(lambda version: "{}.{:02}.{:02}".format(*version))
odd_drivers = drivers | st.text(max_size=12) | st.sampled_from(["", "580", "565.77", "N/A"])
releases = st.none() | st.sampled_from(RELEASES)
notes = st.builds(
    CompatNote,
    path=st.just("/compat/libcuda.so"),
    cuda=st.sampled_from(["11.8", "12.4", "12.9", "13.0", "13.1", "14.0"]),
    branches=st.lists(branches, max_size=6).map(lambda found: tuple(sorted(set(found)))),
    driver=st.just("") | drivers,
)
names = st.sampled_from(["", "Tesla T4", "NVIDIA H100 80GB HBM3", "NVIDIA GeForce RTX 4090", "Quadro P400", "TITAN V"])
brands = st.sampled_from(["", "nvidia", "geforce", "nvidia_rtx"])
gpus = st.lists(st.builds(Gpu, ordinal=st.just(0), name=names, brand=brands), max_size=3).map(tuple)


def consistent(fit: DriverFit) -> None:
    have, oldest, bundled = (parse_driver(text) for text in (fit.driver, fit.oldest, fit.bundled))
    if fit.fit == "minor_version":
        assert oldest is not None and have is not None and have >= oldest
    if fit.fit in ("too_old", "forward_compatibility"):
        assert have is not None and (oldest is None or have < oldest)
        assert bundled is None or have < bundled


@given(odd_drivers, releases, st.none() | notes, gpus)
def test_there_is_always_a_decision_with_a_text(driver, release, note, seen):
    fit = driver_fit(driver, release, note, seen)
    assert fit.fit in (*RANKS, "unknown")
    assert fit.text and not fit.text.endswith(".")
    assert json.loads(json.dumps(fit.as_result()))["fit"] == fit.fit
    consistent(fit)


@given(drivers, drivers, releases, gpus)
def test_a_newer_driver_is_never_worse(one, other, release, seen):
    older, newer = sorted((one, other), key=parse_driver)
    if release is None or release.compat_branches:
        return
    before, after = driver_fit(older, release, None, seen).fit, driver_fit(newer, release, None, seen).fit
    assert (before == "unknown") <= (after in ("unknown", *FINE))
    if before in FINE:
        assert after in FINE and RANKS[after] >= RANKS[before]


@given(drivers, drivers, releases, notes, gpus)
def test_with_a_note_a_newer_driver_of_the_same_branch_is_never_worse(one, other, release, note, seen):
    """Across branches it can be: 560 is newer than 550, and there are packages that bridge 550 only."""
    older, newer = sorted((one, other), key=parse_driver)
    before, after = driver_fit(older, release, note, seen).fit, driver_fit(newer, release, note, seen).fit
    if before in FINE and (before != "forward_compatibility" or older.split(".")[0] == newer.split(".")[0]):
        assert after in FINE and RANKS[after] >= RANKS[before]


@given(drivers, st.sampled_from(RELEASES), gpus)
def test_the_oldest_drivers_of_cuda_are_the_border(driver, release, seen):
    fit = driver_fit(driver, release, None, seen).fit
    if release.cuda_major is None:
        assert fit == "unknown"
    elif parse_driver(driver) >= parse_driver(MIN_DRIVERS[release.cuda_major]):
        assert fit in ("bundled", "minor_version")
    else:
        assert fit == "too_old" or release.compat_branches


@given(drivers, releases, notes, gpus)
def test_a_note_about_the_same_cuda_takes_nothing_away(driver, release, note, seen):
    """Only a GPU that is none of a data centre, or a driver that needs the package, depends on it."""
    if release is None or not release.driver or release.compat_branches:
        return
    same = note._replace(cuda=release.cuda, driver=release.driver)
    without, given_note = driver_fit(driver, release, None, seen).fit, driver_fit(driver, release, same, seen).fit
    assert given_note == without or (without, given_note) == ("too_old", "forward_compatibility")

# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a task expects of a host, from its options."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from .._model_config.findings import ConfigError
from .._placement.releases import find_release
from .._policy.gpus import parse_compute_capability
from .server_installation import read_installation
from .states import Wanted


def parse_wanted(options: Mapping[str, Any]) -> Tuple[Wanted, Tuple[str, ...]]:
    """What is wanted, and warnings about the files that say it.

    Args:
        options: of `gpu_facts`, with Ansible's types.

    Raises:
        ConfigError: with every mistake in the options.
    """
    problems: List[str] = []
    for name in ("expected_count", "minimum_memory_gb"):
        if options[name] is not None and not 0 <= options[name] < 10**9:
            problems.append(f"{name}: expected a number from 0, found {options[name]!r}.")
    if not 1 <= options["timeout"] <= 3600:
        problems.append(f"timeout: expected seconds from 1 to 3600, found {options['timeout']!r}.")
    capability = _capability(options["minimum_compute_capability"], "minimum_compute_capability", problems)
    _capability(options["min_supported_compute_capability"], "min_supported_compute_capability", problems)
    if options["triton_release"] is not None:
        try:
            find_release(options["triton_release"])
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)
    installation = read_installation(options["cuda_compat"], options["server_log"])
    wanted = Wanted(
        expected_count=options["expected_count"],
        minimum_memory_gb=options["minimum_memory_gb"],
        minimum_compute_capability=capability,
        triton_release=options["triton_release"],
        min_supported_compute_capability=options["min_supported_compute_capability"],
        compat_note=installation.compat,
        logged=installation.logged,
        cuda_visible_devices=options["cuda_visible_devices"],
        containers=options["containers"],
    )
    return wanted, installation.warnings


def _capability(value: Optional[str], name: str, problems: List[str]) -> Optional[Tuple[int, int]]:
    capability = None if value is None else parse_compute_capability(value)
    if value is not None and capability is None:
        problems.append(f"{name}: expected one like '7.5', found {value!r}.")
    return capability

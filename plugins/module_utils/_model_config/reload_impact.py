# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What a running Triton has to do to take a change over.

Source: triton core, src/model_lifecycle.cc (AsyncLoad, ConfigChangeRequiresReload); in place since 23.05.
"""

from __future__ import annotations

from typing import Any, Mapping

NONE = "none"
INSTANCE_UPDATE = "instance_update"
FULL_RELOAD = "full_reload"

# Fields that a server takes over without loading the model a second time.
_IN_PLACE = ("instance_group", "version_policy")


def reload_impact(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`NONE`, `INSTANCE_UPDATE` (instances are added or removed in place) or `FULL_RELOAD` (the model is loaded anew
    beside the old one, which takes the memory of both until it is done).

    Args:
        before, after: the configuration as plain data; empty where there is no file.
    """
    if before == after:
        return NONE
    names = {name for name in (*before, *after) if before.get(name) != after.get(name)}
    return INSTANCE_UPDATE if names.issubset(_IN_PLACE) else FULL_RELOAD

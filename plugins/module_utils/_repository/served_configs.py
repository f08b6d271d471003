# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The configuration of each model that a server reads, out of several repositories and several files."""

from __future__ import annotations

import glob
from typing import Any, Dict, Optional, Sequence

from .inspection import describe_repository


def served_configs(
    repositories: Sequence[str], config_name: Optional[str], names: Optional[Sequence[str]] = None
) -> Dict[str, Dict[str, Any]]:
    """What `inspection.describe` says of the file of each model that a server reads, by model.

    Args:
        config_name: what the server is given as ``--model-config-name``.
        names: only these models; all if None.

    Raises:
        RepositoryError: a repository cannot be read.
    """
    if names is not None and not names:
        return {}
    patterns = [] if names is None else [glob.escape(name) for name in names]
    served: Dict[str, Dict[str, Any]] = {}
    for repository in repositories:
        for description in describe_repository(repository, patterns):
            known = served.get(description["model"])
            of_same = known is not None and known["repository"] == description["repository"]
            if known is None or (of_same and description["config_name"] == config_name):
                served[description["model"]] = description
    return served

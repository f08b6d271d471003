# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The words of Triton's repository index (triton core: src/model_lifecycle.cc)."""

from __future__ import annotations

READY, LOADING, UNLOADING, UNAVAILABLE = "READY", "LOADING", "UNLOADING", "UNAVAILABLE"
ON_ITS_WAY = (LOADING, UNLOADING)
# The reason of a version that was let go on purpose, by a request or a version policy.
UNLOADED = "unloaded"

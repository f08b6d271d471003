# SPDX-License-Identifier: GPL-3.0-or-later
"""The same Hypothesis profiles as in tests/property."""

from __future__ import annotations

from ansible_collections.inference.triton.tests.property import conftest  # noqa: F401

# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypothesis profiles: the default does the same on every run, ``HYPOTHESIS_PROFILE=thorough`` looks further."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

CACHE = Path(__file__).resolve().parents[2] / ".cache"
SLOW_DATA = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(CACHE / "hypothesis"))
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
COMMON = {"deadline": None, "phases": PHASES, "suppress_health_check": SLOW_DATA}

settings.register_profile("default", derandomize=True, max_examples=250, **COMMON)
settings.register_profile("thorough", max_examples=5000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

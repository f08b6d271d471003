# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""All states that a host can have. What explains others stands before them: the first error is the headline."""

from __future__ import annotations

from typing import Dict, Tuple

from .container_states import CONTAINER_STATES
from .cuda_states import CUDA_STATES
from .device_states import DEVICE_STATES
from .driver_states import DRIVER_STATES
from .hardware_states import HARDWARE_STATES
from .memory_states import MEMORY_STATES
from .mig_states import MIG_STATES
from .mode_states import MODE_STATES
from .release_states import DETECTORS as RELEASE_DETECTORS
from .release_states import STATES as RELEASE_STATES
from .states import Row, State

TABLE: Tuple[Row, ...] = (
    *HARDWARE_STATES,
    *DRIVER_STATES,
    *DEVICE_STATES,
    *MODE_STATES,
    *MIG_STATES,
    *MEMORY_STATES,
    *map(Row, RELEASE_STATES, RELEASE_DETECTORS),
    *CONTAINER_STATES,
    *CUDA_STATES,
)

STATES: Dict[str, State] = {row.state.id: row.state for row in TABLE}

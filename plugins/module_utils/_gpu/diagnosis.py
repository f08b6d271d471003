# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""From what was seen of a host to what is to be said of it."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Tuple

from .evidence import Evidence
from .gpu_list import join
from .signs import name_of, uuid_of
from .states import (
    ERROR,
    GPU,
    HIDES_ALL,
    HIDES_GPU,
    INFO,
    WARNING,
    DiagnosedGpu,
    Diagnosis,
    Finding,
    Host,
    HostGpu,
    Sighting,
    Wanted,
)
from .states_table import STATES, TABLE

OK = "ok"
_RANK = {ERROR: 0, WARNING: 1, INFO: 2}
_EVIDENCE_LINES = 3

# What Triton makes of it (triton core: src/cuda_utils.cc, GetSupportedGPUs; src/model_config_utils.cc).
_SEES_NONE = (
    "Triton sees no GPU on this host: models without an explicit instance_group run on the CPU without a log line, those "
    "with KIND_GPU do not load."
)
_SEES_FEWER = (
    "Triton does not see this GPU, and the server numbers the remaining GPUs anew, so that gpus: [1] may be another card. "
    "A group with a number that is not there any more does not load, or, without a kind, runs on the CPU."
)
_SEES_ALL = "Triton uses its GPUs as before."


def diagnose(evidence: Evidence, wanted: Wanted = Wanted()) -> Diagnosis:
    """What is wrong with a host's GPUs, each cause once, and which of them a server can use.

    Args:
        evidence: what the probes saw.
        wanted: what is expected of the host.
    """
    host = Host(evidence, join(evidence), wanted)
    sightings = _causes([sighting for row in TABLE for sighting in row.detect(host)])
    hidden = [_hides(sighting) for sighting in sightings]
    usable_left = _usable_left(host, sightings)
    gpus_left = any(usable_left.values())
    found = [_finding(host, sighting, gpus_left) for sighting in sightings]
    order = sorted(range(len(found)), key=lambda number: _RANK[found[number].severity])
    findings = tuple(found[number] for number in order)
    gpus = tuple(_diagnosed(gpu, findings) for gpu in host.gpus)
    del hidden
    headline = findings[0] if findings else None
    return Diagnosis(
        host,
        gpus,
        findings,
        headline.state.id if headline else OK,
        headline.severity if headline else OK,
        _summary(gpus, findings),
    )

# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What Triton's parser accepts and its server refuses all the same, or runs otherwise than the file says.

The tables of the rules stand beside this file, by subject. A rule holds for every server, whatever its options and its
GPUs: a file that one server could load has no finding with the severity `ERROR`.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .._textproto.document import Document
from . import batching_rules, ensemble_rules, instance_group_rules, model_rules, tensor_rules
from .findings import Finding, in_order
from .release import Release, newer_fields
from .semantic_rule import ModelContext, Rule, Subject

RULES: List[Rule] = [
    *model_rules.RULES,
    *ensemble_rules.RULES,
    *instance_group_rules.RULES,
    *batching_rules.RULES,
    *tensor_rules.RULES,
]


def check(document: Document, data: Dict[str, Any], model: ModelContext) -> List[Finding]:
    """All findings, in the order of their places.

    Args:
        data: what `reading.read` gives for the document, which has to be without findings.
    """
    subject = Subject(document, data, model)
    return in_order(finding for rule in RULES for finding in rule.findings(subject))


def validate(
    document: Document, data: Dict[str, Any], model: ModelContext, semantic: bool, release: Optional[Release]
) -> List[Finding]:
    """What `check` finds, unless it is not wanted (``semantic``), and then what is newer than ``release``, if any."""
    findings = check(document, data, model) if semantic else []
    return findings if release is None else findings + newer_fields(document, release)

# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What goes wrong with Triton as a service of a host."""

from __future__ import annotations


class ServiceError(Exception):
    """What is wrong and what to do about it, in words for a person. Nothing is left half done."""

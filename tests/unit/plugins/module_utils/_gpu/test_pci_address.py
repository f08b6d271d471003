# SPDX-License-Identifier: GPL-3.0-or-later
"""PCI addresses have one form, whoever writes them."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.pci_address import address_in


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("00000000:0A:00.0", "0000:0a:00.0"),
        ("GPU0000:25:00.0: Unknown Error", "0000:25:00.0"),
        ("000E:00:00.0", "000e:00:00.0"),
        ("00010000:01:00.0", "10000:01:00.0"),
        ("GPU 3", None),
    ],
)
def test_an_address_has_one_form(text, address):
    assert address_in(text) == address

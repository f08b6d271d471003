# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of this project that a tool makes: the tool writes it, or, with --check, says whether it is up to date."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def write_or_check(file: Path, render: Callable[[], str], description: str | None) -> int:
    """Do what the command line says and return the exit status.

    Args:
        render: makes the content.
        description: of the tool, for --help.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    check = parser.parse_args().check
    text = render()
    if not check:
        file.write_text(text, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    print(f"{file.name} is stale: run tools/{Path(sys.argv[0]).name}", file=sys.stderr)
    return 1

# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters tritonserver_arguments and systemd_text."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Union

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display
from ansible_collections.inference.triton.plugins.module_utils._service import systemd_text as systemd
from ansible_collections.inference.triton.plugins.module_utils._service.arguments import command_line
from ansible_collections.inference.triton.plugins.module_utils._service.errors import ServiceError
from ansible_collections.inference.triton.plugins.module_utils._service.help_text import options_of
from ansible_collections.inference.triton.plugins.module_utils._service.options import known_to


def tritonserver_arguments(
    options: Any, version: str = "", known: Union[str, Mapping[str, str], None] = None
) -> List[str]:
    if not isinstance(options, Mapping):
        raise AnsibleFilterError(f"tritonserver_arguments: expected a mapping, found {type(options).__name__}")
    named = options_of(known) if isinstance(known, str) else known
    try:
        result = command_line(options, named or known_to(version), version)
    except ServiceError as error:
        raise AnsibleFilterError(f"tritonserver_arguments: {error}") from error
    for warning in result.warnings:
        Display().warning(warning)
    return result.arguments


def systemd_text(value: Any, form: str = "word", name: str = "") -> str:
    forms: Dict[str, Callable[[], str]] = {
        "word": lambda: systemd.word(str(value)),
        "assignment": lambda: systemd.assignment(name, str(value)),
        "file_line": lambda: systemd.file_line(name, str(value)),
    }
    if form not in forms:
        raise AnsibleFilterError(f"systemd_text: there is no form '{form}', only {', '.join(forms)}")
    try:
        return forms[form]()
    except ServiceError as error:
        raise AnsibleFilterError(f"systemd_text: {error}") from error


class FilterModule:
    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"tritonserver_arguments": tritonserver_arguments, "systemd_text": systemd_text}

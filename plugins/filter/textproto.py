# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters from_textproto and to_textproto."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Dict

from ansible.errors import AnsibleFilterError
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError
from ansible_collections.inference.triton.plugins.module_utils._model_config.reading import read
from ansible_collections.inference.triton.plugins.module_utils._model_config.schema import MESSAGES, ROOT, suggest
from ansible_collections.inference.triton.plugins.module_utils._model_config.writing import to_values
from ansible_collections.inference.triton.plugins.module_utils._repository.results import printable
from ansible_collections.inference.triton.plugins.module_utils._textproto import writer
from ansible_collections.inference.triton.plugins.module_utils._textproto.document import Document
from ansible_collections.inference.triton.plugins.module_utils._textproto.errors import TextProtoError


def from_textproto(text: Any, message: str = ROOT) -> Dict[str, Any]:
    if not isinstance(text, (str, bytes)):
        raise AnsibleFilterError(f"from_textproto: expected a string, found {type(text).__name__}")
    _check_message("from_textproto", message)
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    try:
        reading = read(Document.parse(data), message)
    except TextProtoError as error:
        raise AnsibleFilterError(f"from_textproto: {error}") from error
    if reading.findings:
        problems = "\n".join(finding.show("text") for finding in reading.findings)
        raise AnsibleFilterError(f"from_textproto: this is not a {message}:\n{problems}")
    result: Dict[str, Any] = printable(reading.data)
    return result


def to_textproto(data: Any, message: str = ROOT) -> str:
    if not isinstance(data, Mapping):
        raise AnsibleFilterError(f"to_textproto: expected a mapping, found {type(data).__name__}")
    _check_message("to_textproto", message)
    try:
        return writer.document(to_values(data, message))
    except ConfigError as error:
        raise AnsibleFilterError(f"to_textproto: this is not a {message}:\n{error}") from error


def _check_message(filter_name: str, message: str) -> None:
    if message not in MESSAGES:
        raise AnsibleFilterError(f"{filter_name}: there is no message '{message}'.{suggest(message, MESSAGES)}")


class FilterModule:
    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"from_textproto": from_textproto, "to_textproto": to_textproto}

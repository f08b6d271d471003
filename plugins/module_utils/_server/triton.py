# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Triton's HTTP API, as far as it is about models and not about inference.

Sources: triton server, docs/protocol/extension_model_repository.md, extension_model_configuration.md and
extension_statistics.md; src/http_server.cc. What is said here of answers was seen from tritonserver 2.51.0.
"""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, TypeVar
from urllib.parse import quote

from . import failures
from .client import Binary, Client
from .errors import ServerError, option_error

# What a path may hold besides letters and digits (RFC 3986, pchar). Triton compares names as they stand in the path.
_LITERAL = "!$&'()*+,;=:@-._~"
_INTERVAL = 0.5  # seconds between two attempts to reach a server that starts
# What a server looks like that is still loading, directly and behind a proxy.
_STARTING = ("refused", "unavailable", "closed")

T = TypeVar("T")


class IndexEntry(NamedTuple):
    """A version of a model as the repository index has it.

    Attributes:
        version: None where the server knows the directory only: it could not read the configuration, or nobody has
            loaded the model yet.
        state: ``READY``, ``LOADING``, ``UNLOADING``, ``UNAVAILABLE`` or None, for the same reasons.
        reason: why it is in this state, empty where the server does not say.
    """

    name: str
    version: Optional[str]
    state: Optional[str]
    reason: str


class Metadata(NamedTuple):
    """What the server says of itself."""

    name: str
    version: str
    extensions: List[str]


class Triton:
    """The API of one server."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def when_up(self, ask: Callable[[], T], seconds: float) -> T:
        """What ``ask`` gives, as soon as a server answers that may still be starting, for at most ``seconds``.

        Raises:
            ServerError: the failure of the last attempt, or one that time does not heal.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except ServerError as error:
                if error.kind not in _STARTING or time.monotonic() + _INTERVAL > deadline:
                    raise
            time.sleep(_INTERVAL)

    def metadata(self) -> Metadata:
        """Name, version and extensions."""
        path = "/v2"
        data = self.client.data("GET", path)
        if not (isinstance(data, dict) and isinstance(data.get("version"), str)):
            raise self._unexpected(path, "a mapping with the version of the server", data)
        extensions = data.get("extensions")
        known = [str(item) for item in extensions] if isinstance(extensions, list) else []
        return Metadata(str(data.get("name", "")), data["version"], known)

    def is_live(self) -> bool:
        """Whether the server has started."""
        return self._healthy("/v2/health/live")

    def is_ready(self) -> bool:
        """Whether the server calls itself ready; by default (--strict-readiness=true) one bad model prevents it."""
        return self._healthy("/v2/health/ready")

    def index(self) -> List[IndexEntry]:
        """Every version of every model that the server finds in its repositories, in the order of the names."""
        path = "/v2/repository/index"
        try:
            data = self.client.data("POST", path)
        except ServerError as error:
            if error.kind != "server" or error.status != 500:
                raise
            # Seen with a link in the repository that leads nowhere: triton core, GetDirectorySubdirs.
            remedy = "Look for a link in a model repository that leads nowhere, and for one that is not mounted."
            raise ServerError(error.kind, error.url, error.seen, remedy, error.status, error.reason) from error
        if not isinstance(data, list) or not all(isinstance(item, dict) and item.get("name") for item in data):
            raise self._unexpected(path, "a list of models with their names", data)
        entries = [
            IndexEntry(
                str(item["name"]),
                None if item.get("version") is None else str(item["version"]),
                None if item.get("state") is None else str(item["state"]),
                str(item.get("reason") or ""),
            )
            for item in data
        ]
        return sorted(entries, key=lambda entry: (entry.name, _numeric(entry.version)))

    def is_model_ready(self, model: str, version: str) -> bool:
        """Whether a version of a model takes requests; since 26.01 the server asks its instances, too."""
        return self._healthy(f"{_version_path(model, version)}/ready")

    def infer(self, model: str, version: str, body: Binary, seconds: float) -> None:
        """Send one request to a version of a model; what it answers is not looked at.

        Raises:
            ServerError: of the kind ``server`` where the model, or the server for it, says that it failed.
        """
        path = f"{_version_path(model, version)}/infer"
        with _Named(model):
            answer = self.client.request("POST", path, body, seconds, repeatable=False)
            if answer.status != 200:
                raise failures.of_answer(answer)

    def config(self, model: str, version: str) -> Dict[str, Any]:
        """The configuration that a version of a model runs with, with everything that the server filled in."""
        path = f"{_version_path(model, version)}/config"
        with _Named(model):
            data = self.client.data("GET", path)
        if not isinstance(data, dict) or not isinstance(data.get("instance_group", []), list):
            raise self._unexpected(path, "a mapping that is a ModelConfig", data)
        return data

    def statistics(self) -> Dict[Tuple[str, str], Dict[str, Any]]:
        """The statistics of every version of every model that is ready, by name and version."""
        path = "/v2/models/stats"
        data = self.client.data("GET", path)
        rows = data.get("model_stats") if isinstance(data, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._unexpected(path, "the statistics of the models in 'model_stats'", data)
        return {(str(row.get("name")), str(row.get("version"))): row for row in rows}

    def load(self, model: str, config: Optional[Mapping[str, Any]], seconds: float) -> None:
        """Load a model, or take up what is new in its files. Comes back when it is loaded, or refused.

        Args:
            config: a whole ModelConfig instead of the one in the file.

        Raises:
            ServerError: of the kind ``server`` where the server does not load it.
        """
        parameters = {} if config is None else {"parameters": {"config": json.dumps(config)}}
        self._post(model, "load", parameters, seconds)

    def unload(self, model: str, dependents: bool, seconds: float) -> None:
        """Begin to unload a model; ``dependents``: and the models that an ensemble consists of.

        A model that the server does not know is no error to it.

        Raises:
            ServerError: of the kind ``server`` where the server does not unload it.
        """
        self._post(model, "unload", {"parameters": {"unload_dependents": dependents}}, seconds)

    def _post(self, model: str, what: str, body: Mapping[str, Any], seconds: float) -> None:
        path = f"/v2/repository/models/{quote(model, safe=_LITERAL, errors='surrogateescape')}/{what}"
        with _Named(model):
            answer = self.client.request("POST", path, body, seconds, repeatable=False)
            if answer.status != 200:
                raise failures.of_answer(answer)
            if failures.is_html(answer):
                raise failures.not_triton(answer, f"HTTP {answer.status}")

    def _healthy(self, path: str) -> bool:
        answer = self.client.request("GET", path)
        if answer.status == 200 and not failures.is_html(answer):
            return True
        if answer.status == 400 and not failures.is_html(answer):
            return False
        raise failures.of_answer(answer)

    def _unexpected(self, path: str, wanted: str, data: Any) -> ServerError:
        seen = f"expected {wanted}, found {failures.shown(json.dumps(data)[:1000])}."
        remedy = "Correct 'url': it is the HTTP address of a Triton, without /v2."
        return ServerError("unexpected", self.client.endpoint.url(path), seen, remedy, 200)


class _Named:
    """Says what is the matter where the server does not understand the name of a model as it stands in a URL.

    tritonserver 2.51.0 does not undo percent-encoding, so that it cannot be asked for some models at all.
    """

    def __init__(self, model: str) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.encoded = quote(self.model, safe=_LITERAL, errors="surrogateescape")

    def __exit__(self, _type: Any, error: Any, _traceback: Any) -> None:
        if isinstance(error, ServerError) and self.encoded != self.model and self.encoded in error.reason:
            seen = f"the server looked for {self.encoded!r}: it does not read the name {self.model!r} from a URL."
            remedy = "Rename the model: ASCII letters, digits and . _ - + are understood."
            raise ServerError("name", error.url, seen, remedy, error.status, error.reason) from error


def checked_names(names: List[str], option: str) -> List[str]:
    """``names``, each once, if every one can be the name of a model, which is that of a directory.

    Raises:
        ServerError: one cannot.
    """
    for name in names:
        too_long = len(name.encode("utf-8", "surrogateescape")) > 255
        if not name or name in (".", "..") or "/" in name or too_long or any(ord(sign) < 32 for sign in name):
            remedy = "Give the name of the model's directory in the repository, without a path."
            raise option_error(option, f"{name!r} cannot be the name of a model.", remedy)
    return list(dict.fromkeys(names))


def _model_path(model: str) -> str:
    return f"/v2/models/{quote(model, safe=_LITERAL, errors='surrogateescape')}"


def _version_path(model: str, version: str) -> str:
    return f"{_model_path(model)}/versions/{quote(version, safe='')}"


def _numeric(version: Optional[str]) -> Tuple[int, str]:
    return (int(version), "") if version is not None and version.isdigit() else (-1, version or "")

# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""Whether a server serves a model in the versions that it should, and why not.

Source: triton core, src/model_repository_manager/; hidden models were seen from tritonserver 2.51.0: one whose
configuration cannot be read stands in the index by its name alone, as does one that nobody has loaded.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from .._placement.prediction import POLLING
from .._policy.decision import INVALID, TEMPLATE
from .causes import problem
from .index_states import LOADING, ON_ITS_WAY, READY, UNLOADED
from .records import OnDisk, Problem, SeenModel, SeenVersion, ServerSeen
from .takeup import how_to_take_up

# Parts of the reasons in the index (triton core: src/model_config_utils.cc, model_repository_manager.cc).
_NO_GPUS = "has kind KIND_GPU but no GPUs are available"
_NO_SUCH_GPU = re.compile(r"specifies invalid or unsupported gpu id (-?\d+)")
_KNOWN = (
    ("has kind KIND_GPU but server does not support GPUs", "no_gpu_support"),
    ("unable to get number of CUDA devices", "cuda_failure"),
    ("model appears in two or more repositories", "ambiguous_name"),
)


class Serving(NamedTuple):
    """What was found.

    Attributes:
        ready: the versions that serve, those that should before others.
        wants_load: whether there is something on disk that the server could load and does not serve.
    """

    problems: List[Problem]
    ready: Tuple[SeenVersion, ...] = ()
    wants_load: bool = False


def look(model: OnDisk, seen: Optional[SeenModel], server: ServerSeen, elsewhere: Sequence[str] = ()) -> Serving:
    """What is wrong with the serving of a model.

    Args:
        elsewhere: other repositories that have a model of its name.
    """
    return _Look(model, seen, server, elsewhere).result()


class _Look:
    def __init__(self, model: OnDisk, seen: Optional[SeenModel], server: ServerSeen, elsewhere: Sequence[str]) -> None:
        self.model, self.seen, self.server = model, seen, server
        self.elsewhere = ", ".join(elsewhere) or "another one"
        self.versions = () if seen is None else tuple(version for version in seen.versions if version.state)
        wanted = {str(version) for version in model.versions}
        ready = [version for version in self.versions if version.state == READY]
        self.ready = tuple(sorted(ready, key=lambda version: version.version not in wanted))
        self.wanted = wanted
        self.take_up = how_to_take_up(server)

    def result(self) -> Serving:
        busy = [self.busy(version) for version in self.versions if version.state in ON_ITS_WAY]
        if self.ready:
            return Serving([*busy, *self.of_what_serves()], self.ready, self.has_unserved())
        if busy:
            return Serving(busy)
        found = self.broken() or self.not_served()
        useless = self.model.errors or found.id in ("hidden_by_error", "template", "no_version", "ambiguous_name")
        wants_load = not useless
        # What nobody has loaded, nobody misses, unless it has to be served.
        if found.id in ("not_loaded", "not_in_index", "unloaded") and not self.model.critical:
            wants_load = False
        return Serving([found], (), wants_load)

    def problem(self, identifier: str, **facts: str) -> Problem:
        return problem(identifier, self.model.critical, take_up=self.take_up, **facts)

    def busy(self, version: SeenVersion) -> Problem:
        doing = "loading" if version.state == LOADING else "unloading"
        return self.problem("busy", doing=doing, version=version.version)

    def of_what_serves(self) -> List[Problem]:
        found = []
        if self.model.ambiguous:
            found.append(self.problem("same_name_served", others=self.elsewhere))
        broken = self.broken()
        if broken is not None and broken.id != "no_version":
            reason, cure = refusal(self.model)
            found.append(self.problem("invalid_file", reason=reason, cure=cure))
        found += self.missing_versions() + self.extra_versions()
        for version in self.ready:
            if version.ready is False:
                found.append(self.problem("not_ready", version=version.version))
        return found

    def has_unserved(self) -> bool:
        if self.model.errors or not self.model.versions:
            return False
        return bool(self.unserved() or self.superfluous())

    def unserved(self) -> List[int]:
        states = {version.version: version.state for version in self.versions}
        return [version for version in self.model.versions if states.get(str(version)) not in (READY, *ON_ITS_WAY)]

    def superfluous(self) -> List[str]:
        return [version.version for version in self.ready if version.version not in self.wanted]

    def missing_versions(self) -> List[Problem]:
        reasons = {version.version: version.reason for version in self.versions}
        serves = ", ".join(version.version for version in self.ready)
        newest = max((int(version.version) for version in self.ready if version.version.isdigit()), default=0)
        found = []
        for version in self.unserved():
            reason = reasons.get(str(version), "")
            why = f"The server says: {plain(reason)}." if reason and reason != UNLOADED else ""
            which = "old_version_serves" if version > newest else "version_not_served"
            found.append(self.problem(which, wanted=str(version), serves=serves, reason=why))
        return found

    def extra_versions(self) -> List[Problem]:
        extra = self.superfluous()
        wanted_serve = self.wanted <= {version.version for version in self.ready}
        if not extra or not wanted_serve or self.model.errors:
            return []
        return [self.problem("extra_version", versions=", ".join(extra))]

    def broken(self) -> Optional[Problem]:
        """Why no server loads what is on disk, None where nothing is known to prevent it."""
        model = self.model
        reason, cure = refusal(model)
        if is_template(model):
            return self.problem("template", reason=reason)
        if reason and any(version.reason not in ("", UNLOADED) for version in self.versions):
            return self.problem("load_failed", reason=reason)
        if reason:
            return self.problem("hidden_by_error", reason=reason, cure=cure)
        if not model.versions:
            return self.problem("no_version", reason="no version directory is one that the model's policy takes")
        return None

    def not_served(self) -> Problem:
        model = self.model
        if model.ambiguous:
            return self.problem("ambiguous_name", others=self.elsewhere)
        if self.seen is None:
            return self.problem("not_in_index", repository=model.repository)
        if not self.versions:
            if model.prediction.loads is False and model.prediction.stage == POLLING:
                cure = "Correct the file."
                return self.problem("hidden_by_error", reason=plain(model.prediction.error), cure=cure)
            error = plain(model.prediction.error) if model.prediction.loads is False else ""
            return self.problem("not_loaded", forecast=f"It is not expected to load: {error}." if error else "")
        reasons = [version.reason for version in self.versions if version.reason != UNLOADED]
        if not reasons:
            return self.problem("unloaded")
        return self.refused(next(filter(None, reasons), "no reason is given"))

    def refused(self, reason: str) -> Problem:
        said = plain(reason)
        for part, identifier in _KNOWN:
            if part in reason:
                return self.problem(identifier, reason=said, others=self.elsewhere)
        number = _NO_SUCH_GPU.search(reason)
        if number is None and _NO_GPUS not in reason:
            return self.problem("load_failed", reason=said)
        there = self.server.host.ordinals()
        what = "a GPU" if number is None else f"GPU {number.group(1)}"
        if there if number is None else int(number.group(1)) in there:
            seen = f"The server says: {said}."
            return self.problem("server_without_gpu", what=what, gpus=host_gpus(self.server), seen=seen)
        identifier = "no_such_gpu" if there else "no_gpu"
        return self.problem(identifier, what=what, reason=said, host=why_no_gpu(self.server))


def refusal(model: OnDisk) -> Tuple[str, str]:
    """What is wrong with a file so that the server refuses it, and what to do; two empty texts where it takes it."""
    if model.errors:
        first = model.errors[0]
        line, column = first.get("line"), first.get("column")
        place = str(first.get("file") or model.file or model.name)
        place = place if line is None else f"{place}:{line}:{column}"
        more = f" (and {len(model.errors) - 1} more)" if len(model.errors) > 1 else ""
        message = str(first.get("message", "")).rstrip(".")
        return f"{place}: {message}{more}", str(first.get("hint") or "") or "Correct the file."
    # What only the policy would break is not met, and the file is fine.
    if model.expected.met and model.expected.status in (INVALID, TEMPLATE):
        return model.expected.reason.partition(": fill in")[0].rstrip("."), "Correct the file."
    return "", ""


def is_template(model: OnDisk) -> bool:
    """Whether a file waits for somebody to fill it in."""
    if model.expected.status == TEMPLATE:
        return True
    return bool(model.errors) and model.errors[0].get("rule") == "template"


def host_gpus(server: ServerSeen) -> str:
    """The GPUs that a server started now would use, for a message."""
    names = [f"GPU {gpu.ordinal} ({gpu.name})" if gpu.name else f"GPU {gpu.ordinal}" for gpu in server.host.gpus]
    return ", ".join(names) or "no GPU"


def why_no_gpu(server: ServerSeen) -> str:
    """Why a server started now would not use a GPU, for a message."""
    host = server.host
    if host.why_no_gpu is not None:
        return host.why_no_gpu.text
    left_out = "; ".join(text.rstrip(".") for text in host.left_out)
    return f"there is {host_gpus(server)}" + (f"; {left_out}" if left_out else "")


def about_gpus(reason: str, server: ServerSeen) -> str:
    """What there is to say of the host where the server refuses a model for its GPUs, as a sentence; else empty."""
    if _NO_GPUS not in reason and not _NO_SUCH_GPU.search(reason):
        return ""
    return f"On this host: {why_no_gpu(server)}."


def plain(reason: str) -> str:
    """What a server says, in one line and without its full stop; a Python model's traceback has several."""
    said = " ".join(reason.split()).rstrip(" .;")
    return f"{said} none" if said.endswith(" are:") else said  # Triton's list of devices is empty

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

# Parts of the reasons in the index, by what is wrong (triton core: src/model_config_utils.cc).
_NO_GPUS = "has kind KIND_GPU but no GPUs are available"
_NO_SUCH_GPU = re.compile(r"specifies invalid or unsupported gpu id (-?\d+)")
_NO_SUPPORT = "has kind KIND_GPU but server does not support GPUs"
_CUDA = "unable to get number of CUDA devices"
_TWICE = "model appears in two or more repositories"


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
        self.versions = () if seen is None else seen.versions
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
        wants_load = found.id not in ("hidden_by_error", "template", "no_version", "ambiguous_name")
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
        return not self.model.errors and bool(self.unserved() or self.superfluous())

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
            why = f"The server says: {_plain(reason)}." if reason and reason != UNLOADED else ""
            which = "old_version_serves" if version > newest else "version_not_served"
            found.append(self.problem(which, wanted=str(version), serves=serves, reason=why))
        return found

    def extra_versions(self) -> List[Problem]:
        extra = self.superfluous()
        if not extra or self.unserved() or self.model.errors:
            return []
        return [self.problem("extra_version", versions=", ".join(extra))]

    def broken(self) -> Optional[Problem]:
        """Why no server loads what is on disk, None where nothing is known to prevent it."""
        model = self.model
        reason, cure = refusal(model)
        if is_template(model):
            return self.problem("template", reason=reason)
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
                return self.problem("hidden_by_error", reason=_plain(model.prediction.error), cure=cure)
            return self.problem("not_loaded")
        reasons = [version.reason for version in self.versions if version.reason != UNLOADED]
        if not reasons:
            return self.problem("unloaded")
        return self.refused(next(filter(None, reasons), "no reason is given"))

    def refused(self, reason: str) -> Problem:
        said, host = _plain(reason), self.server.host
        missing = _NO_SUCH_GPU.search(reason)
        if _TWICE in reason:
            return self.problem("ambiguous_name", others=self.elsewhere)
        if _NO_SUPPORT in reason:
            return self.problem("no_gpu_support", reason=said)
        if _CUDA in reason:
            return self.problem("cuda_failure", reason=said)
        if _NO_GPUS in reason and host.gpus:
            return self.problem("server_without_gpu", what="a GPU", gpus=host_gpus(self.server), seen=f"So {said}.")
        if missing and int(missing.group(1)) in host.ordinals():
            what = f"GPU {missing.group(1)}"
            return self.problem("server_without_gpu", what=what, gpus=host_gpus(self.server), seen=f"So {said}.")
        if _NO_GPUS in reason or missing:
            return self.problem("no_gpu", reason=said, host=why_no_gpu(self.server))
        return self.problem("load_failed", reason=said)


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
    if model.expected.status in (INVALID, TEMPLATE):
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
    return f"it has {host_gpus(server)}" + (f"; {left_out}" if left_out else "")


def _plain(reason: str) -> str:
    return reason.strip().rstrip(" .;")

# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""The table of everything that may be wrong with the place of a model: its name, how bad it is, and the cure."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Tuple

from .grades import CONTRADICTED, PROVED, UNPROVED
from .records import Problem

ERROR, WARNING = "error", "warning"


class Cause(NamedTuple):
    """One row.

    Attributes:
        best: the best grade of a model with this problem.
        text, cure: templates for `str.format`.
        lenient: whether it is bad for a critical model only; any other one is unproved then.
    """

    id: str
    best: str
    text: str
    cure: str
    lenient: bool = False


TABLE: Tuple[Cause, ...] = (
    # Where nobody has decided.
    Cause(
        "silent_fallback",
        CONTRADICTED,
        "It runs on the CPU, and nobody has decided that. {config}, and Triton uses no GPU: {host}.",
        "{cure} See also why the host has no GPU: inference.triton.gpu_facts says it.",
    ),
    Cause(
        "cpu_beside_gpu",
        CONTRADICTED,
        "It runs on the CPU, and nobody has decided that. {config}. The server uses a GPU for other models, so it had "
        "none when it loaded this one, or it was given another configuration than that of the file.",
        "{cure} {take_up}",
    ),
    Cause(
        "server_without_gpu",
        CONTRADICTED,
        "The server has started without {what}, and the host has {gpus} now. {seen}",
        "Restart the server: CUDA tells a process of the devices once.",
    ),
    Cause(
        "undecided",
        UNPROVED,
        "It runs {place} today, and nobody has decided that. {config}: without a GPU it would run on the CPU, and "
        "nothing would say so.",
        "Write a kind for every group, for example with inference.triton.instance_group_policy.",
    ),
    # Where it does not load.
    Cause(
        "no_gpu",
        CONTRADICTED,
        "It is not loaded, since it wants a GPU that the server does not have: {reason}. On this host: {host}.",
        "Have inference.triton.gpu_facts say what is wrong with the GPUs of the host, and restart the server after the "
        "repair. A model that may run on the CPU needs KIND_CPU, or a waiver.",
    ),
    Cause(
        "no_such_gpu",
        CONTRADICTED,
        "It is not loaded, since it wants {what}, and the server has no such device: {reason}. On this host: {host}.",
        "Correct gpus of its group: they are the numbers by which the server calls its devices, from 0 on. If the "
        "device should be there, have inference.triton.gpu_facts say what became of it.",
    ),
    Cause(
        "no_gpu_support",
        CONTRADICTED,
        "It is not loaded: {reason}. This Triton was built without GPUs.",
        "Install a Triton that was built with them, or write KIND_CPU.",
    ),
    Cause(
        "cuda_failure",
        CONTRADICTED,
        "It is not loaded, since CUDA fails in the server, and then no model is, not even one of KIND_CPU: {reason}.",
        "Have inference.triton.gpu_facts say what is wrong, and restart the server after the repair.",
    ),
    Cause(
        "load_failed",
        CONTRADICTED,
        "The server has refused it: {reason}.",
        "Mend what the server names. {take_up}",
    ),
    Cause(
        "hidden_by_error",
        CONTRADICTED,
        "The server refuses the file, and its index has the name of the model alone: {reason}.",
        "{cure} {take_up}",
    ),
    Cause(
        "invalid_file",
        CONTRADICTED,
        "The server refuses the file: {reason}. What it has loaded before serves on, until the next start.",
        "{cure} {take_up}",
    ),
    Cause(
        "template",
        CONTRADICTED,
        "The file is a template that nobody has filled in: {reason}.",
        "Fill it in, or keep templates outside of the repositories.",
        lenient=True,
    ),
    Cause(
        "no_version",
        CONTRADICTED,
        "There is nothing to load: {reason}.",
        "Make a directory whose name is a number, with the model in it, or correct version_policy. {take_up}",
        lenient=True,
    ),
    Cause(
        "not_in_index",
        CONTRADICTED,
        "It is in the repository {repository}, and the server does not know it.",
        "See that the server is started with this repository. If it is: {take_up}",
        lenient=True,
    ),
    Cause(
        "not_loaded",
        CONTRADICTED,
        "Nobody has loaded it, or its directory was not complete when the server looked. {forecast}",
        "{take_up}",
        lenient=True,
    ),
    Cause(
        "unloaded",
        CONTRADICTED,
        "It was unloaded by a request.",
        "{take_up} If it need not be served, leave it out of what 'critical' of the policy selects.",
        lenient=True,
    ),
    Cause(
        "ambiguous_name",
        CONTRADICTED,
        "Another repository has a model of this name, {others}, so that the server loads neither.",
        "Rename one of the two directories, or remove it.",
    ),
    Cause(
        "same_name_served",
        UNPROVED,
        "Another repository has a model of this name, {others}, and one of them is served. Which one, no answer of the "
        "server says.",
        "Rename one of the two directories. With --model-namespacing both serve, and cannot be told apart here.",
    ),
    Cause(
        "busy",
        UNPROVED,
        "The server is {doing} version {version} at this moment.",
        "Look again when it is done. A load that does not end is a case for the log of the server.",
    ),
    Cause(
        "not_ready",
        CONTRADICTED,
        "Version {version} is READY in the index, and says itself that it is not: its instances do not answer.",
        "Look into the log of the server for a process of the model that has ended, and load the model anew.",
    ),
    # Where the server runs something else than the file says.
    Cause(
        "reload_failed",
        CONTRADICTED,
        "The last load has failed, and what was loaded before serves on: {reason}. {more}",
        "Mend what the server names, or put the file back. {take_up}",
    ),
    Cause(
        "override_sticks",
        CONTRADICTED,
        "{mismatch} The server has loaded the model since the file last changed ({evidence}), so it was given another "
        "configuration in a request to load, which stays. Or it reads another file.",
        "Unload the model and load it, or touch the file and load it: a plain load changes nothing. If that does not "
        "help, compare the server's --model-config-name and --model-repository with what was looked at here.",
    ),
    Cause(
        "edited_not_loaded",
        CONTRADICTED,
        "{mismatch} The file has changed since the server has loaded the model ({evidence}).",
        "{take_up}",
    ),
    Cause(
        "differs_from_file",
        CONTRADICTED,
        "{mismatch} Either the file was edited and not loaded, or the load has failed and what was loaded before "
        "serves on, or a request has loaded another configuration. Which of these, only the log of the server tells.",
        "{take_up} Give the log of the server (service, server_log) to learn the cause.",
    ),
    Cause(
        "completed_by_backend",
        PROVED,
        "The server runs it with another {fields} than the file has. The backend may have completed it so.",
        "If the file was edited since the model was loaded: {take_up}",
    ),
    Cause(
        "old_version_serves",
        CONTRADICTED,
        "Version {wanted} is on disk and is to serve, but the server serves version {serves}. {reason}",
        "{take_up}",
    ),
    Cause(
        "version_not_served",
        CONTRADICTED,
        "Version {wanted} is on disk and is to serve, but of this model the server serves only version {serves}. "
        "{reason}",
        "{take_up}",
    ),
    Cause(
        "extra_version",
        PROVED,
        "The server serves version {versions}, which it would not load from what is on disk now.",
        "If the version is wanted, put it back before the server is started anew. Else: {take_up}",
    ),
    Cause(
        "extra_model",
        UNPROVED,
        "The server serves it, and none of the given repositories has it, so nothing says where it should run.",
        "Give the repository that has it, or unload it. After a restart it may be gone.",
    ),
    # Where the server runs what the file says, and that is not what is wanted.
    Cause("wrong_groups", CONTRADICTED, "{mismatch} {why}", "{cure}"),
    Cause("wrong_kind", CONTRADICTED, "{mismatch} {why}", "{cure}"),
    Cause("wrong_devices", CONTRADICTED, "{mismatch} {why}", "{cure}"),
    Cause("wrong_count", CONTRADICTED, "{mismatch} {why}", "{cure}"),
    Cause(
        "gpu_lost",
        CONTRADICTED,
        "It has instances on {lost}, which a server that is started now would not use: {host}.",
        "Have inference.triton.gpu_facts say what became of the GPU, and restart the server after the repair. If the "
        "host does have it, give the option gpus.",
    ),
    Cause(
        "fewer_gpus",
        PROVED,
        "Its group {group} takes all GPUs, and has {has}, while the host has {gpus}: there were fewer when the server "
        "was started, or it is not given all of them.",
        "Restart the server to use them all. If it is meant to have fewer, give cuda_visible_devices or gpus as the "
        "server has them.",
    ),
    Cause(
        "only_passive",
        CONTRADICTED,
        "All its groups are passive: it is READY, and no request ever gets to an instance.",
        "Take passive away from one group. If the model need not be served, leave it out of what 'critical' of the "
        "policy selects.",
        lenient=True,
    ),
    Cause(
        "policy_not_enforced",
        UNPROVED,
        "The file is not as the policy wants it: {reason}.",
        "Run inference.triton.instance_group_policy with mode: enforce, and let the server take up the file.",
    ),
    Cause(
        "policy_not_met",
        CONTRADICTED,
        "The policy asks for what the file cannot have on this host: {reason}.",
        "Give the model a rule that fits this host, or a waiver with a reason and a last day.",
    ),
    Cause(
        "waiver_expired",
        CONTRADICTED,
        "Its waiver has expired, and it is not as the policy wants it: {reason}.",
        "Hold it to the policy, or renew the waiver with its reason.",
    ),
    # What is not known, and the rest.
    Cause(
        "config_unknown",
        UNPROVED,
        "What the server runs version {version} with cannot be had: {reason}.",
        "Where the API is restricted (--http-restricted-api), give 'headers' with its key, or lift the restriction of "
        "model-config. Until then nothing is known of its devices.",
    ),
    Cause(
        "step_contradicted",
        CONTRADICTED,
        "Its {steps} not where {they} should be.",
        "See there.",
    ),
    Cause(
        "step_missing",
        CONTRADICTED,
        "Its step {steps} is in none of the given repositories.",
        "Give the repository that has it, or correct the step.",
        lenient=True,
    ),
    Cause(
        "probe_failed",
        PROVED,
        "A request with zeros was answered with an error: {reason}.",
        "Send a request that the model can answer. The place of the model is not in question.",
    ),
)

CAUSES: Dict[str, Cause] = {cause.id: cause for cause in TABLE}


def problem(identifier: str, critical: bool = True, **facts: Any) -> Problem:
    """A problem of this row, with the facts put into its texts.

    Args:
        critical: whether the model has to be served.
    """
    cause = CAUSES[identifier]
    severity = ERROR if best_grade(identifier, critical) == CONTRADICTED else WARNING
    return Problem(identifier, severity, cause.text.format(**facts).strip(), cause.cure.format(**facts).strip())


def best_grade(identifier: str, critical: bool) -> str:
    """The best grade that a model with this problem can have."""
    cause = CAUSES[identifier]
    return UNPROVED if cause.lenient and not critical else cause.best

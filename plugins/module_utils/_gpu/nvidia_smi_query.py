# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What nvidia-smi answers about all GPUs of a host.

Neither its exit code nor the number of its rows says whether a GPU is missing: it leaves out the ones that it cannot
ask, and may end with 0. So everything is joined by the PCI address, and every line that is no answer is kept.
"""

from __future__ import annotations

import time
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

from .command import Outcome, run
from .driver_words import NVML_ERRORS, one_line
from .evidence import DeviceAnswer, DriverAnswer
from .nvidia_smi_csv import FIELDS, FORMAT, MISSING_IN_XML, CsvAnswer, parse_csv, refused_field
from .nvidia_smi_listing import joined, mig_devices
from .nvidia_smi_xml import XmlError, parse_xml
from .pci_address import address_in

Complaint = Tuple[str, str, Optional[int]]

_LINES = 3

# What says that there is nobody to ask about any GPU, by any call: NVML's numbers, and how nvidia-smi says the others.
_NO_DRIVER = frozenset({9, 12, 17, 18})
_NO_NVML = "Failed to initialize NVML"

# The beginning of a complaint that need not hold an address: it can name the index only, or neither.
_NO_HANDLE = "unable to determine the device handle"

# What such a line says went wrong, as NVML's error numbers (recorded messages; of these and NVML_ERRORS the longest
# counts).
_ERRORS_IN_WORDS = (("infoROM is corrupted", 14), ("GPU requires restart", 16), ("power cable", 8))


def ask_nvidia_smi(command: Sequence[str], deadline: float, details: bool = True) -> DriverAnswer:
    """Ask nvidia-smi about all GPUs, in one to three calls.

    Args:
        command: nvidia-smi, and what stands before it to run it.
        deadline: until when it may take in all, on the monotonic clock.
        details: whether to ask for what its XML does not have: compute capabilities, indices, UUIDs of MIG devices.
    """
    began = time.monotonic()
    conversation = _Conversation(command, deadline)
    answer = conversation.about_all()
    if details and answer.devices and not answer.failure:
        if FORMAT not in answer.asked:
            answer = conversation.with_capabilities(answer)
        answer = conversation.with_mig_devices(answer)
    complaints, seen = _complaints(conversation.talk)
    return answer._replace(
        complaints=complaints,
        seen=tuple([*answer.seen, *seen][:_LINES]),
        timed_out=conversation.timed_out,
        seconds=round(time.monotonic() - began, 3),
    )


class _Conversation:
    """Calls of one nvidia-smi, and what it said in them besides answers."""

    def __init__(self, command: Sequence[str], deadline: float) -> None:
        self.command, self.deadline = list(command), deadline
        self.timed_out = False
        self.talk: List[str] = []

    def ask(self, *arguments: str) -> Outcome:
        left = self.deadline - time.monotonic()
        if left <= 0:
            self.timed_out = True
            return Outcome(None, "", "", "was not asked: no time was left")
        outcome = run([*self.command, *arguments], left)
        self.timed_out = self.timed_out or outcome.timed_out
        if outcome.code is not None and outcome.code < 0:
            return outcome._replace(code=None, failure=f"was ended by signal {-outcome.code}")
        return outcome

    def listen(self, *texts: str) -> None:
        self.talk += [line.strip() for text in texts for line in text.splitlines() if line.strip()]

    def about_all(self) -> DriverAnswer:
        outcome = self.ask("-q", "-x")
        answer = DriverAnswer(asked="nvidia-smi -q -x", error=outcome.code, failure=outcome.failure)
        self.listen(outcome.errors)
        if self.timed_out or (outcome.failure and not outcome.output):
            self.listen(_before_xml(outcome.output))
            return answer
        try:
            found = parse_xml(outcome.output)
        except XmlError as error:
            if outcome.code in _NO_DRIVER or _NO_NVML in outcome.output + outcome.errors:
                self.listen(outcome.output)
                return answer
            return self.about_all_as_csv(answer, outcome, f"the answer of nvidia-smi -q -x cannot be read: {error}")
        self.listen(*found.talk)
        # Where it leaves one out, the position says nothing about the index.
        whole = found.attached == len(found.devices) and not self.talk
        return answer._replace(
            failure="",
            driver_version=found.driver_version,
            cuda_version=found.cuda_version,
            cuda_version_missing=found.cuda_version_missing,
            devices=tuple(
                device._replace(index=position if whole else None) for position, device in enumerate(found.devices)
            ),
            unknown=found.unknown,
        )

    def about_all_as_csv(self, answer: DriverAnswer, outcome: Outcome, why: str) -> DriverAnswer:
        """The same from a query, where the XML is none: less, but all that a placement needs."""
        asked, found = self.query(list(FIELDS))
        if not found.devices:
            self.listen(_before_xml(outcome.output), *found.talk)
            says_nothing = not outcome.code and not asked.code and not self.talk
            failure = outcome.failure or asked.failure or (why if says_nothing else "")
            return answer._replace(error=outcome.code or asked.code, failure=failure)
        self.listen(*found.talk)
        return answer._replace(
            asked=f"nvidia-smi --query-gpu {FORMAT}",
            error=asked.code,
            failure="",
            driver_version=found.driver_version,
            devices=found.devices,
            unknown=found.unknown,
            instead=why,
        )

    def query(self, fields: List[str]) -> Tuple[Outcome, CsvAnswer]:
        """The answer to a query, without the fields that the driver does not know."""
        while True:
            outcome = self.ask(f"--query-gpu={','.join(fields)}", FORMAT)
            refused = refused_field(outcome.output + outcome.errors)
            if refused not in fields:
                self.listen(outcome.errors)
                return outcome, parse_csv("" if outcome.failure else outcome.output, fields)
            fields.remove(refused)

    def with_capabilities(self, answer: DriverAnswer) -> DriverAnswer:
        """The answer, with what only a query tells, joined by the PCI address, or the UUID where there is none."""
        outcome, found = self.query(list(MISSING_IN_XML))
        self.listen(*found.talk)
        told: Dict[str, DeviceAnswer] = {}
        for device in reversed(found.devices):
            told.update({key: device for key in (device.uuid, device.pci_address) if key})
        devices = []
        for device in answer.devices:
            more = told.get(device.pci_address or device.uuid)
            if more is not None:
                faults = tuple(dict.fromkeys((*device.faults, *more.faults)))
                index = device.index if more.index is None else more.index
                device = device._replace(index=index, compute_capability=more.compute_capability, faults=faults)
            devices.append(device)
        return answer._replace(
            devices=tuple(devices),
            seen=(*answer.seen, *([] if found.devices else _failed("--query-gpu", outcome))),
            unknown=(*answer.unknown, *found.unknown),
        )

    def with_mig_devices(self, answer: DriverAnswer) -> DriverAnswer:
        """The answer, with the UUIDs and profiles of MIG devices where MIG is on."""
        if not any(device.mig_mode == "enabled" for device in answer.devices):
            return answer
        outcome = self.ask("-L")
        self.listen(outcome.errors)
        if outcome.failure or outcome.code:
            return answer._replace(seen=(*answer.seen, *_failed("-L", outcome)))
        listed = mig_devices(outcome.output)
        devices = [
            device._replace(mig_devices=joined(device.mig_devices, listed.get(device.uuid, ())))
            if device.mig_mode == "enabled"
            else device
            for device in answer.devices
        ]
        return answer._replace(devices=tuple(devices), mig_listed=True)


def _failed(option: str, outcome: Outcome) -> List[str]:
    """How a call for details failed, which is no error of the answer that it should have completed."""
    if not outcome.failure and not outcome.code:
        return []
    return [f"nvidia-smi {option} {outcome.failure or f'failed with exit code {outcome.code}'}"]


def _before_xml(output: str) -> str:
    """What was printed before a document that cannot be read."""
    return output.partition("<")[0]


def _complaints(talk: Iterable[str]) -> Tuple[Tuple[Complaint, ...], Tuple[str, ...]]:
    """The lines about one GPU, with its address and NVML's number for what they say, and the other lines."""
    complaints: Dict[Tuple[str, str], Complaint] = {}
    others: Dict[str, None] = {}
    for line in map(one_line, talk):
        address = address_in(line) or ""
        if address or _NO_HANDLE in line.lower():
            complaints.setdefault((address, line), (address, line, _error_in(line)))
        else:
            others.setdefault(line)
    return tuple(complaints.values()), tuple(others)


def _error_in(line: str) -> Optional[int]:
    words = [*((text, code) for code, text in NVML_ERRORS.items()), *_ERRORS_IN_WORDS]
    said = [(len(text), code) for text, code in words if text.lower() in line.lower()]
    return max(said)[1] if said else None

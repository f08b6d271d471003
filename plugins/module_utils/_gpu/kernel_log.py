# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is PRIVATE to the collection: it can change without notice.
"""What the kernel has said of GPUs since it was booted.

A later success is not looked for: a GPU that failed once and was then initialised is told of here all the same. The
log is a ring, so that its oldest lines may be gone. In a tree that stands for a host, ``/dev/kmsg`` is a plain file of
the same format.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from typing import Dict, Iterator, List, NamedTuple, Optional, Pattern, Tuple

from .evidence import LogLine
from .host_files import HostFiles

_LOG = "/dev/kmsg"
_RECORD = 16384  # more than any record has (Linux: include/linux/printk.h, PRINTK_MESSAGE_MAX)
_SIZE_LIMIT = 64 * 2**20
_LINES_LIMIT = 200
_LENGTH_LIMIT = 400

_ADDRESS = r"(?<![0-9A-Fa-f:])(?P<address>[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}(?:\.[0-7])?)(?![0-9A-Fa-f:])"
_NVRM, _OPEN_RM = "NVRM: ", "open-gpu-kernel-modules: "


class _Message(NamedTuple):
    """Something that the kernel says, with what it is about in the groups ``address`` and ``xid``."""

    kind: str
    pattern: Pattern[str]
    source: str


def _message(kind: str, pattern: str, source: str) -> _Message:
    return _Message(kind, re.compile(pattern), source)


# The first that matches counts. Lines of one message are put together before, without the prefix of all but the first.
_MESSAGES = (
    _message("xid", rf"NVRM: Xid \((?:PCI:)?{_ADDRESS}[^)]*\): (?P<xid>[0-9]{{1,4}})", "NVIDIA: XID Errors"),
    _message(
        "sxid",
        rf"nvidia-nvswitch[0-9]+: SXid \((?:PCI:)?{_ADDRESS}[^)]*\): (?P<xid>[0-9]{{1,5}})",
        "NVIDIA: Fabric Manager User Guide",
    ),
    _message("fallen_off_bus", rf"NVRM: (?:.*?{_ADDRESS})?.*fallen off the bus", _OPEN_RM + "osapi.c, RmProbe"),
    _message(
        "power_cable", rf"NVRM: (?:.*?{_ADDRESS})?.*necessary power cables", "NVIDIA's driver, as users report it"
    ),
    # Too old or too new a GPU, one for an older branch of the driver, and one for the open module only.
    _message(
        "not_supported",
        rf"NVRM: The NVIDIA (?:.*?{_ADDRESS})?.*installed in this (?:vGPU host )?system "
        r"(?:is not supported by|requires use of|is supported through)",
        _OPEN_RM + "osapi.c, rm_is_supported_device",
    ),
    _message(
        "rm_init_failed",
        rf"NVRM: (?:.*?{_ADDRESS})?.*(?:RmInitAdapter|rm_init_adapter) failed",
        _OPEN_RM + "osinit.c, RmInitAdapter; nv.c, nv_start_device",
    ),
    # Xid 119 and 120 say the same, this is said instead of most of them.
    _message(
        "gsp_timeout", rf"NVRM: Rate limiting GSP RPC error prints for GPU at (?:PCI:)?{_ADDRESS}", _OPEN_RM + "rpc.c"
    ),
    _message(
        "gsp_firmware",
        rf"(?:nvidia {_ADDRESS}: )?Direct firmware load for nvidia/\S+ failed",
        "Linux: drivers/base/firmware_loader/main.c",
    ),
    _message(
        "bar_invalid",
        rf"NVRM: This PCI I/O region assigned to your NVIDIA device is invalid: .*?\((?:PCI:)?{_ADDRESS}\)",
        _OPEN_RM + "nv-pci.c, nv_pci_probe",
    ),
    _message("api_mismatch", r"NVRM: API mismatch: .*kernel module has the version", _OPEN_RM + "osapi.c"),
    _message("probe_not_called", r"NVRM: The NVIDIA probe routine was not called for", _OPEN_RM + "nv.c"),
    _message("probe_failed", r"NVRM: The NVIDIA probe routine failed for", _OPEN_RM + "nv.c"),
    _message("no_gpu_found", r"NVRM: No NVIDIA (?:GPU|graphics adapter|devices?) found", _OPEN_RM + "nv.c"),
    # These do not say of which module.
    _message("key_rejected", r"Loading of .*\bis rejected", "Linux: kernel/module/signing.c, module_sig_check"),
    _message(
        "key_rejected",
        r"Lockdown: .*: unsigned module loading is restricted",
        "Linux: security/lockdown/lockdown.c",
    ),
)

# How messages of more than one line begin.
_HEAD = re.compile(r"NVRM: (?:The NVIDIA |This PCI I/O region|API mismatch)")
_MAX_MESSAGE_LINES = 4

# What any of the above has, to leave the rest of the log alone.
_HINT = re.compile(rb"NVRM|nvidia|SXid|rejected|Lockdown")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def read_kernel_log(files: HostFiles, seconds: float = 2) -> Tuple[Tuple[LogLine, ...], bool]:
    """What the log says of GPUs, the first of each kind for each GPU and Xid, and whether the log could be read.

    Args:
        seconds: how long to read at most.

    The kinds are ``xid``, ``sxid`` (of an NVSwitch; its number is in ``xid``, too), ``fallen_off_bus``,
    ``power_cable``, ``not_supported``, ``rm_init_failed``, ``gsp_timeout``, ``gsp_firmware``, ``bar_invalid``,
    ``api_mismatch``, ``probe_not_called``, ``probe_failed``, ``no_gpu_found`` and ``key_rejected``, which is not only
    said of NVIDIA's modules.
    """
    records = _records(files, time.monotonic() + seconds)
    if records is None:
        return (), False
    found: Dict[Tuple[str, str, Optional[int]], LogLine] = {}
    for line in _messages(_lines(records)):
        if len(found) < _LINES_LIMIT:
            found.setdefault((line.kind, line.pci_address, line.xid), line)
    return tuple(found.values()), True


def _records(files: HostFiles, deadline: float) -> Optional[Iterator[bytes]]:
    """The log's records; None where it cannot be read."""
    content = files.read(_LOG, _SIZE_LIMIT)
    if content is not None:
        return iter(content.splitlines())
    status = files.status(_LOG)
    if status is None or not files.is_this_host or not stat.S_ISCHR(status.st_mode):
        return None
    try:
        descriptor = os.open(_LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    return _from_device(descriptor, deadline)


def _from_device(descriptor: int, deadline: float) -> Iterator[bytes]:
    """Each read gives one record (Linux: Documentation/ABI/testing/dev-kmsg)."""
    size = 0
    try:
        while size < _SIZE_LIMIT and time.monotonic() < deadline:
            try:
                record = os.read(descriptor, _RECORD)
            except OSError as error:
                if error.errno == errno.EPIPE:
                    continue  # the next record was overwritten; the one after it comes next
                return  # EAGAIN: that was the last one
            if not record:
                return
            size += len(record)
            yield record
    finally:
        os.close(descriptor)


def _lines(records: Iterator[bytes]) -> Iterator[str]:
    """The lines of the records that may be of interest, without what stands before the text and after it."""
    for record in records:
        if _HINT.search(record):
            text = record.partition(b"\n")[0].partition(b";")[2]
            text = _ESCAPE.sub(lambda escape: bytes([int(escape.group(1), 16)]), text)
            yield from text.decode("utf-8", "replace").splitlines()


def _messages(lines: Iterator[str]) -> Iterator[LogLine]:
    begun: List[str] = []
    for line in lines:
        line = line.strip()[:_LENGTH_LIMIT]
        found = _recognise(line)
        if found:
            yield found
        elif _HEAD.match(line):
            begun = [line]
        elif begun and line.startswith(_NVRM):
            begun.append(line[len(_NVRM) :].strip())
            found = _recognise(" ".join(begun))
            if found:
                yield found
            if found or len(begun) == _MAX_MESSAGE_LINES:
                begun = []


def _recognise(text: str) -> Optional[LogLine]:
    for message in _MESSAGES:
        found = message.pattern.search(text)
        if found:
            about = found.groupdict()
            xid = about.get("xid")
            return LogLine(message.kind, text, _address(about.get("address")), int(xid) if xid else None)
    return None


def _address(told: Optional[str]) -> str:
    """A PCI address as the kernel's bus has it: an Xid has none of the function, nvidia-smi eight digits of domain."""
    if not told:
        return ""
    domain, bus, rest = told.lower().split(":")
    device, _dot, function = rest.partition(".")
    return f"{int(domain, 16):04x}:{bus}:{device}.{function or 0}"

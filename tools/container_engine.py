# SPDX-License-Identifier: GPL-3.0-or-later
"""podman or docker on this machine, and what it takes there to run systemd as the first process of a container."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("podman", "docker")  # the likelier to work without a daemon and without root first
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # not in the PATH of an ordinary user

# Podman asks for higher ones of its own, and fails where even root may not raise them (in a container, for example).
LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 16384), "nproc": (resource.RLIMIT_NPROC, 32768)}

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_PER_HOST = 7  # used by systemd 252 and 257 of an idle host; where none is left units fail and the boot hangs


class HostsError(Exception):
    """What is wrong and what to do about it, in words for the person at the terminal."""


class HostsUnavailable(HostsError):
    """This machine cannot run such hosts as it is; nothing has been made by then."""


@dataclass(frozen=True)
class Lacking:
    """Something that is not installed: what, why, and the Debian package that has it."""

    what: str
    why: str
    package: str

    def __str__(self) -> str:
        return f"{self.what} is missing: {self.why} (Debian, Ubuntu: package {self.package})"


@dataclass(frozen=True)
class Engine:
    """A podman or docker that answers, and the generation of control groups (1 or 2) that it found."""

    program: str
    cgroups: int

    @property
    def command(self) -> list[str]:
        # crun, podman's default, refuses the hybrid tree that most machines with version 1 have.
        old_podman = self.program == "podman" and self.cgroups == 1
        return [self.program, "--runtime=runc"] if old_podman else [self.program]

    @property
    def systemd_options(self) -> list[str]:
        """Options of `run` that let systemd boot, and build the mount namespaces of hardened units.

        Without SYS_ADMIN systemd skips ProtectSystem= and its like without a word, and a test would prove nothing.
        """
        if self.program == "podman":
            confinement = ["--security-opt=label=disable", "--security-opt=apparmor=unconfined"]
            limits = [f"--ulimit={name}={limit}:{limit}" for name, limit in _limits().items()]
            return ["--systemd=always", "--cap-add=SYS_ADMIN", *confinement, *limits]
        options = ["--privileged", "--tmpfs=/run", "--tmpfs=/run/lock", "--env=container=docker"]
        if self.cgroups == 1:
            return [*options, "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"]
        return [*options, "--cgroupns=private"]

    def run(self, *arguments: str, text: str | None = None, timeout: float = 60) -> str:
        """What `program arguments` prints, `text` being its standard input. Raises HostsError with what went wrong."""
        command = [*self.command, *arguments]
        try:
            done = subprocess.run(command, input=text or "", capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            raise HostsError(f"{' '.join(command)} did not finish within {timeout:.0f} s") from late
        if done.returncode:
            raise HostsError(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr.strip()}")
        return done.stdout


def find(wanted: str | None = None) -> Engine:
    """The engine called `wanted`, or the first that answers. Raises HostsUnavailable where there is none."""
    if wanted and wanted not in PROGRAMS:
        raise HostsUnavailable(f"MOLECULE_ENGINE is {wanted}: it can be {' or '.join(PROGRAMS)}.")
    refusals = []
    for program in [wanted] if wanted else PROGRAMS:
        if not shutil.which(program):
            refusals.append(f"{program} is not installed.")
            continue
        try:
            return Engine(program, _cgroups(program))
        except (HostsError, ValueError, KeyError) as refusal:
            refusals.append(f"{program} does not answer: {refusal}")
    raise HostsUnavailable("\n".join(refusals))


def lacking(engine: Engine | None, wanted: str | None = None) -> list[Lacking]:
    """What is not installed here for `engine`, or, where there is none yet, for the one called `wanted` or podman."""
    found = []
    if (engine.program if engine else wanted or "podman") == "podman":
        if engine is None and not _which("podman"):
            found.append(Lacking("podman", "it runs the hosts", "podman"))
        cgroups = engine.cgroups if engine else _cgroups_of_this_machine()
        if cgroups == 1 and not _which("runc"):
            found.append(Lacking("runc", "podman's other runtime, crun, refuses control groups version 1", "runc"))
        if not any(Path(folder, "netavark").exists() for folder in ("/usr/lib/podman", "/usr/libexec/podman")):
            found.append(Lacking("netavark", "podman publishes the ports of the hosts with it", "netavark"))
        if not (_which("iptables") or _which("nft")):
            found.append(Lacking("iptables", "netavark publishes ports with it", "iptables"))
    if not (_which("ssh") and _which("ssh-keygen")):
        found.append(Lacking("ssh", "Ansible reaches the hosts with it", "openssh-client"))
    return found


def install(packages: Iterable[str]) -> None:
    """Install Debian packages. Raises HostsUnavailable where that is not possible, or not allowed."""
    names = sorted(set(packages))
    if not names:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise HostsUnavailable("MOLECULE_INSTALL=1 installs with apt-get, as root; this is not root, or not Debian.")
    print(f"Installing {', '.join(names)}", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
        command = ["apt-get", "-qq", *arguments]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise HostsUnavailable(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr.strip()}")


def room_for(hosts: int) -> None:
    """Raise HostsUnavailable where so many more systemd hosts would hang at boot."""
    try:
        limit = int(INOTIFY.read_text())
    except OSError:
        return
    if hosts * INOTIFY_PER_HOST > limit:
        raise HostsUnavailable(
            f"{hosts} hosts need {hosts * INOTIFY_PER_HOST} inotify instances, and this machine allows {limit}. "
            f"Raise that: sudo sysctl {'.'.join(INOTIFY.parts[-3:])}=1024"
        )


def _cgroups(program: str) -> int:
    info = json.loads(_ask(program, "info", "--format", "json" if program == "podman" else "{{json .}}"))
    version = info["host"]["cgroupVersion"] if program == "podman" else info["CgroupVersion"]
    return int(version.removeprefix("v"))


def _ask(program: str, *arguments: str) -> str:
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired as late:
        raise HostsError("no answer within 60 s") from late
    if done.returncode:
        raise HostsError(done.stderr.strip())
    return done.stdout


def _cgroups_of_this_machine() -> int:
    return 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1


def _limits() -> dict[str, int]:
    hard = {name: resource.getrlimit(kind)[1] for name, (kind, _) in LIMITS.items()}
    return {name: wanted if hard[name] < 0 else min(hard[name], wanted) for name, (_, wanted) in LIMITS.items()}


def _which(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(SBIN))


def missing_text(found: Sequence[Lacking]) -> str:
    """One line for each, and the command that installs them all."""
    packages = " ".join(sorted({lacking.package for lacking in found}))
    return "\n".join([*map(str, found), f"To install them: sudo apt-get install --no-install-recommends {packages}"])

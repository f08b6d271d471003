# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw-away Debian hosts: containers with systemd as their first process, reached by ssh on ports of 127.0.0.1.

    python tools/throwaway_hosts.py create --scenario mine --folder .cache/mine --host a=bookworm --host b=trixie
    ansible-playbook -i .cache/mine/inventory playbook.yml
    python tools/throwaway_hosts.py destroy --scenario mine --folder .cache/mine

Molecule's shared playbooks call it. Where MOLECULE_HOSTS names an inventory, its hosts are used, and none is made.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import host_image
from clone_cache import CACHE, ROOT
from container_engine import Engine, HostsError, HostsUnavailable, find, install, lacking, missing_text, room_for

CLONE = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]  # hosts of two clones on one machine never meet
LABEL = "inference.triton.scenario"
SSH = 22
READY_TIMEOUT = 120.0  # seconds; a host that is not up by then never will be
PORT_ATTEMPTS = 3
LOWEST_PORT = 20000  # below are those that services are known by
HIGHEST_PORT = 65535
HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
HANDED_OUT_FROM = 32768  # unless the kernel says otherwise
LOOPBACK_TIMEOUT = 1.0  # seconds
AT_ONCE = 4  # hosts that are started at the same time
REMOTE_TMP = "~/.ansible/tmp"  # Ansible's own default: the Makefile has another one, for this machine
UNAVAILABLE = 75  # exit status, EX_TEMPFAIL of sysexits.h: nothing was tested, for want of hosts

# The key arrives on standard input. logind refuses everybody but root until the boot is over.
ADMIT = f"""set -e
install -d -m 0700 -o {host_image.USER} -g {host_image.USER} /home/{host_image.USER}/.ssh
install -m 0600 -o {host_image.USER} -g {host_image.USER} /dev/stdin /home/{host_image.USER}/.ssh/authorized_keys
"""
BOOTED = f"""end=$(($(date +%s) + {READY_TIMEOUT:.0f}))
until case $(systemctl is-system-running 2>/dev/null) in running|degraded) true;; *) false;; esac; do
  if [ $(date +%s) -gt $end ]; then systemctl list-jobs --no-pager >&2; exit 1; fi
  sleep 0.1
done
"""


@dataclass(frozen=True)
class Scenario:
    """The hosts that were, or will be, made under one name in this clone, and the folder of what belongs to them."""

    name: str
    folder: Path

    @property
    def label(self) -> str:
        return f"{LABEL}={CLONE}/{self.name}"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory" / "hosts.json"

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"

    def container(self, host: str) -> str:
        return f"triton-{CLONE}-{self.name}-{host}"

    @property
    def volume(self) -> str:
        """What all hosts of the scenario see at the same place, as they would see a network file system."""
        return f"triton-{CLONE}-{self.name}"


def engine_ready() -> Engine:
    """An engine with everything that it needs, installed first where MOLECULE_INSTALL asks for it."""
    wanted = os.environ.get("MOLECULE_ENGINE")
    for install_first in (may_install(), False):
        try:
            engine, refusal = find(wanted), None
        except HostsUnavailable as no_engine:
            engine, refusal = None, no_engine
        missing = lacking(engine, wanted)
        if install_first:
            install(thing.package for thing in [*missing, *host_image.lacking()])
        elif engine and not missing:
            return engine
    reasons = [*([str(refusal)] if refusal else []), *([missing_text(missing)] if missing else [])]
    raise HostsUnavailable("\n".join(reasons))


def may_install() -> bool:
    return os.environ.get("MOLECULE_INSTALL", "") not in ("", "0")


def create(scenario: Scenario, hosts: dict[str, str], publish: Sequence[int], shared: str | None = None) -> list[str]:
    """Make the hosts (name: Debian release) and the inventory that reaches them; gives one line about each.

    They all have the same directory at the path `shared`, where one is given; it goes with the hosts.
    Hosts left over from an earlier run go first. Raises HostsError, and then leaves none behind.
    """
    engine = engine_ready()
    destroy(scenario, engine)
    room_for(len(hosts) + len(engine.run("ps", "--quiet", "--filter", f"label={LABEL}").split()))
    images = ensure_images(engine, sorted(set(hosts.values())))
    scenario.inventory.parent.mkdir(parents=True, exist_ok=True)
    scenario.key.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(scenario.key)], check=True)
    start = time.monotonic()
    reached = _start_all(engine, scenario, {host: images[release] for host, release in hosts.items()}, publish, shared)
    # Not in the folder of the scenario: the path of a control socket may have no more than 108 bytes.
    common = {**_connection(scenario), "ansible_control_path_dir": tempfile.mkdtemp(prefix="triton-ssh-")}
    entries = {host: _entry(engine, scenario, host, reach) for host, reach in reached.items()}
    _write_inventory(scenario, {host: {**common, **entry} for host, entry in entries.items()})
    lines = [f"{host}: container {scenario.container(host)} of {images[release]}" for host, release in hosts.items()]
    return [*lines, f"{len(hosts)} hosts by {engine.program} in {time.monotonic() - start:.1f} s"]


def ensure_images(engine: Engine, releases: Sequence[str]) -> dict[str, str]:
    """An image for each release; those that are missing are made side by side."""
    start = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        images = dict(
            zip(releases, pool.map(lambda release: host_image.ensure(engine, release), releases), strict=True)
        )
    print(f"Images of {', '.join(releases)}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    return images


def restart(scenario: Scenario, hosts: Sequence[str]) -> None:
    """Stop these hosts as a power switch with patience would, start them again and wait until they are up."""
    engine = engine_ready()
    reached = json.loads(scenario.inventory.read_text())["all"]["hosts"]

    def one(host: str) -> None:
        name = scenario.container(host)
        engine.run("restart", "--time=20", name)
        _wait(engine, name, int(reached[host]["ansible_port"]))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, hosts))


def destroy(scenario: Scenario, engine: Engine) -> int:
    """Remove every host of the scenario, started or half made; gives their number."""
    identifiers = engine.run("ps", "--all", "--quiet", "--filter", f"label={scenario.label}").split()
    if identifiers:
        at_once = ["--time=0"] if engine.program == "podman" else []
        engine.run("rm", "--force", "--volumes", *at_once, *identifiers, timeout=120)
    volumes = engine.run("volume", "ls", "--quiet", "--filter", f"label={scenario.label}").split()
    if volumes:
        engine.run("volume", "rm", "--force", *volumes)
    with contextlib.suppress(OSError, ValueError, KeyError):
        for host in json.loads(scenario.inventory.read_text())["all"]["hosts"].values():
            shutil.rmtree(host["ansible_control_path_dir"], ignore_errors=True)
    scenario.inventory.unlink(missing_ok=True)
    return len(identifiers)


def use_given(scenario: Scenario, hosts: Sequence[str], inventory: str) -> list[str]:
    """Let the hosts of the user's `inventory`, in its order, stand in for `hosts`; gives one line about each."""
    listed = _ansible("ansible", "all", "--inventory", inventory, "--list-hosts").splitlines()[1:]
    given = [line.strip() for line in listed if line.strip()]
    if len(given) < len(hosts):
        raise HostsUnavailable(
            f"MOLECULE_HOSTS={inventory} has {len(given)} hosts, and the scenario {scenario.name} needs {len(hosts)}: "
            f"{', '.join(hosts)}."
        )
    variables = json.loads(_ansible("ansible-inventory", "--inventory", inventory, "--list"))["_meta"]["hostvars"]
    entries = {}
    for host, name in zip(hosts, given, strict=False):
        entry = {"ansible_host": name, "ansible_remote_tmp": REMOTE_TMP, **variables.get(name, {})}
        own = {"molecule_address": entry["ansible_host"], "molecule_container": "", "molecule_given": name}
        entries[host] = {"molecule_ports": {}, **entry, **own}
    scenario.inventory.parent.mkdir(parents=True, exist_ok=True)
    _write_inventory(scenario, entries)
    lines = [f"{host}: given host {name}" for host, name in zip(hosts, given, strict=False)]
    return [*lines, f"{len(hosts)} hosts of {inventory}; none was made, and none will be removed"]


def _ansible(*command: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise HostsUnavailable(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr.strip()}")
    return done.stdout


def _start_all(
    engine: Engine, scenario: Scenario, images: dict[str, str], publish: Sequence[int], shared: str | None
) -> dict[str, dict[int, int]]:
    """Start a host of each image; gives the port on 127.0.0.1 for each that they have inside."""
    for attempt in range(PORT_ATTEMPTS):
        ports = iter(_free_ports(len(images) * (1 + len(publish))))
        reached = {host: {inside: next(ports) for inside in (SSH, *publish)} for host in images}
        try:
            volumes = []
            if shared:
                engine.run("volume", "create", f"--label={scenario.label}", scenario.volume)
                volumes = [f"--volume={scenario.volume}:{shared}"]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                started = [
                    pool.submit(_start, engine, scenario, host, image, reached[host], volumes)
                    for host, image in images.items()
                ]
            for future in started:
                future.result()
        except BaseException as failure:
            destroy(scenario, engine)
            # Another scenario, or anybody else, may have taken a port since it was found to be free.
            taken = isinstance(failure, HostsError) and "address already in use" in str(failure).lower()
            if not taken or attempt == PORT_ATTEMPTS - 1:
                raise
        else:
            break
    return reached


def _start(
    engine: Engine, scenario: Scenario, host: str, image: str, reach: dict[int, int], volumes: Sequence[str]
) -> None:
    name = scenario.container(host)
    published = [f"--publish=127.0.0.1:{outside}:{inside}" for inside, outside in reach.items()]
    options = ["--detach", f"--name={name}", f"--hostname={host}", f"--label={scenario.label}"]
    engine.run("run", *options, *engine.systemd_options, *published, *volumes, image, "/sbin/init")
    engine.run("exec", "--interactive", name, "sh", "-c", ADMIT, text=scenario.key.with_suffix(".pub").read_text())
    _wait(engine, name, reach[SSH])


def _wait(engine: Engine, name: str, port: int) -> None:
    """Until systemd has booted and sshd answers from outside. Raises HostsError with the jobs that hang."""
    engine.run("exec", name, "sh", "-c", BOOTED, timeout=READY_TIMEOUT + 10)
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            if connection.recv(4) == b"SSH-":
                return
        if time.monotonic() > deadline:
            raise HostsError(f"{name} runs, and nothing answers on its ssh port, 127.0.0.1:{port}")
        time.sleep(0.05)


def _free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses. Chosen here, for docker gives a restarted container other ones.

    None that the kernel hands out to whoever asks for any port: a host that restarts lets go of its ports for a moment,
    and one that was killed leaves their forwarding behind, which would catch what was meant for others.
    """
    handed_out = int(HANDED_OUT.read_text().split()[0]) if HANDED_OUT.exists() else HANDED_OUT_FROM
    candidates = range(LOWEST_PORT, handed_out) or range(LOWEST_PORT, HIGHEST_PORT + 1)
    free = filter(_reaches_its_listener, random.sample(candidates, len(candidates)))
    found = list(itertools.islice(free, number))
    if len(found) < number:
        raise HostsError(f"{len(found)} ports of 127.0.0.1 from {LOWEST_PORT} on are free, and {number} are needed.")
    return found


def _reaches_its_listener(port: int) -> bool:
    """Whether one can listen on the port, and whoever connects to it arrives there rather than somewhere else."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(LOOPBACK_TIMEOUT)
        with socket.create_connection(server.getsockname(), LOOPBACK_TIMEOUT) as connection:
            arrived: bool = server.accept()[1] == connection.getsockname()
            return arrived
    return False


def _connection(scenario: Scenario) -> dict[str, Any]:
    # Every run makes new hosts at old addresses: their keys say nothing.
    unknown = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    return {
        "ansible_connection": "ssh",
        "ansible_user": host_image.USER,
        "ansible_ssh_private_key_file": str(scenario.key.resolve()),
        "ansible_ssh_common_args": f"{unknown} -o IdentitiesOnly=yes",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_remote_tmp": REMOTE_TMP,
    }


def _entry(engine: Engine, scenario: Scenario, host: str, reach: dict[int, int]) -> dict[str, Any]:
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": reach[SSH],
        "molecule_address": "127.0.0.1",
        "molecule_ports": {str(inside): outside for inside, outside in reach.items()},
        "molecule_container": scenario.container(host),
        "molecule_engine": engine.program,
    }


def _write_inventory(scenario: Scenario, hosts: dict[str, Any]) -> None:
    """All variables at the hosts: those of a group would lose against what the user's own inventory has for them."""
    scenario.inventory.write_text(json.dumps({"all": {"hosts": hosts}}, indent=1) + "\n")


def _link_collection() -> None:
    """Where Ansible finds this clone as a collection; `make` makes the same link."""
    link = CACHE / "collections/ansible_collections/inference/triton"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to("../../../..")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    options = _parser().parse_args(arguments)
    scenario = Scenario(options.scenario, options.folder)
    try:
        print("\n".join(_act(options, scenario, os.environ.get("MOLECULE_HOSTS"))))
    except HostsUnavailable as unavailable:
        print(unavailable, file=sys.stderr)
        return 1 if may_install() else UNAVAILABLE
    except HostsError as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _act(options: argparse.Namespace, scenario: Scenario, given: str | None) -> list[str]:
    hosts = {name: release for name, _, release in (host.partition("=") for host in options.host)}
    if options.action == "restart":
        restart(scenario, list(hosts))
        return [f"{len(hosts)} hosts restarted."]
    if options.action == "create":
        if not hosts or not all(hosts.values()):
            raise HostsError("create needs --host NAME=RELEASE, for example --host web1=bookworm, at least once.")
        _link_collection()
        if given:
            return use_given(scenario, list(hosts), given)
        return create(scenario, hosts, options.publish, options.shared)
    if given:
        scenario.inventory.unlink(missing_ok=True)
        return ["The given hosts stay."]
    try:
        engine = find(os.environ.get("MOLECULE_ENGINE"))
    except HostsUnavailable:
        return ["No hosts: there is nothing that could have made them."]
    return [f"{destroy(scenario, engine)} hosts removed."]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["create", "restart", "destroy"])
    parser.add_argument("--scenario", required=True, help="a name for these hosts, unique in this clone")
    parser.add_argument("--folder", type=Path, required=True, help="where the inventory and the key go")
    parser.add_argument("--host", action="append", default=[], metavar="NAME=RELEASE", help="a host and its Debian")
    parser.add_argument("--publish", type=int, action="append", default=[], metavar="PORT", help="a port to reach")
    parser.add_argument("--shared", metavar="PATH", help="where all of the hosts have one and the same directory")
    return parser


if __name__ == "__main__":
    sys.exit(main())

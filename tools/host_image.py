# SPDX-License-Identifier: GPL-3.0-or-later
"""The container image of a throw-away host: a small Debian with systemd, ssh and Python, made from Debian's packages.

It holds what any server has and nothing that the collection could want, so that a role which forgets to install a
package fails here. An image is made once for each recipe, whose digest is its tag, and stays in the engine's store.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from clone_cache import CACHE, locked, scratch
from container_engine import Engine, HostsError, HostsUnavailable, Lacking

NAME = "localhost/inference-triton-host"
USER = "admin"  # ssh logs in as this user, who may do everything by sudo: the roles have to ask for it with become
PACKAGES = [
    *("systemd", "systemd-sysv", "dbus", "iproute2", "procps", "curl", "ca-certificates"),
    *("openssh-server", "sudo", "python3", "python3-apt"),
]
CERTIFICATES = Path("/usr/local/share/ca-certificates")  # of a company's own proxy, say: the hosts trust them too
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
# Unattended upgrades would hold dpkg's lock while a test wants it.
SET_UP = (
    "systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer",
    f"useradd --create-home --shell /bin/bash --password '*' {USER}",
    f"echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}",
    "update-ca-certificates",
)
COMMAND, STOP_SIGNAL = "/sbin/init", "SIGRTMIN+3"  # systemd(1): halt cleanly

STOCK = "docker.io/library/debian:{release}"
DEBIANS = re.compile(r"bullseye|bookworm|trixie|forky|duke|sid|stable|oldstable|testing|unstable")
BUILD_TIMEOUT = 900.0


def ensure(engine: Engine, release: str) -> str:
    """The image for a Debian release such as ``bookworm``, made first where need be. Raises HostsError."""
    image = f"{NAME}:{release}-{_digest()}"
    with locked(CACHE / "molecule" / f"{release}.lock"):
        if not engine.run("images", "--quiet", image).strip():
            if os.environ.get("MOLECULE_BASE_IMAGE") or not shutil.which("mmdebstrap"):
                _build_on_stock(engine, release, image)
            else:
                _build_from_packages(engine, release, image)
    return image


def lacking() -> list[Lacking]:
    """What is not installed here for making an image from packages; a stock image is the other way."""
    if os.environ.get("MOLECULE_BASE_IMAGE") or shutil.which("mmdebstrap"):
        return []
    return [Lacking("mmdebstrap", "it makes the hosts' image from Debian's packages", "mmdebstrap")]


def _digest() -> str:
    """Of everything that decides what is in an image."""
    recipe = (PACKAGES, LEFT_OUT, SET_UP, COMMAND, STOP_SIGNAL, os.environ.get("MOLECULE_BASE_IMAGE"))
    digest = hashlib.sha256(repr(recipe).encode())
    for path in _certificates():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _certificates() -> list[Path]:
    return sorted(CERTIFICATES.glob("*.crt"))


def _build_from_packages(engine: Engine, release: str, image: str) -> None:
    print(f"Making the image of {release} hosts from Debian's packages", file=sys.stderr)
    hooks = [f"copy-in {path} {CERTIFICATES}" for path in _certificates()]
    if hooks:
        hooks.insert(0, f'mkdir -p "$1{CERTIFICATES}"')
    hooks += [f'chroot "$1" sh -c "{command}"' for command in SET_UP]
    with scratch(CACHE / "molecule" / release) as folder:
        archive = folder / "root.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
        command += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT)]
        command += [f"--aptopt={setting}" for setting in _proxies()]
        command += [*(f"--customize-hook={hook}" for hook in hooks), release, str(archive), *_mirror()]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_TIMEOUT
            )
        except subprocess.TimeoutExpired as late:
            raise HostsError(f"mmdebstrap did not finish within {BUILD_TIMEOUT:.0f} s") from late
        if done.returncode:
            raise HostsError(
                f"mmdebstrap could not make the image ({done.returncode}):\n{done.stdout}{done.stderr.strip()}\n"
                "MOLECULE_MIRROR=http://... names another mirror of Debian."
            )
        engine.run(
            *("import", f"--change=CMD [{_quoted(COMMAND)}]", f"--change=STOPSIGNAL {STOP_SIGNAL}"),
            *(str(archive), image),
            timeout=BUILD_TIMEOUT,
        )


def _build_on_stock(engine: Engine, release: str, image: str) -> None:
    base = os.environ.get("MOLECULE_BASE_IMAGE", STOCK).format(release=release)
    print(f"Making the image of {release} hosts on {base}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "certificates").mkdir()
        for path in _certificates():
            shutil.copy(path, folder / "certificates")
        excluded = "".join(f"path-exclude={pattern}\\n" for pattern in LEFT_OUT)
        (folder / "Containerfile").write_text(
            f"FROM {base}\n"
            f"RUN printf '{excluded}force-unsafe-io\\n' > /etc/dpkg/dpkg.cfg.d/throw-away && apt-get -qq update && "
            f"DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends {' '.join(PACKAGES)} && "
            "rm -rf /var/lib/apt/lists/* /etc/machine-id && : > /etc/machine-id\n"
            f"COPY certificates {CERTIFICATES}\n"
            f"RUN {' && '.join(SET_UP)}\n"
            f"STOPSIGNAL {STOP_SIGNAL}\n"
            f"CMD [{_quoted(COMMAND)}]\n"
        )
        arguments = ["build", "--tag", image, "--file", str(folder / "Containerfile")]
        if engine.program == "podman":
            arguments += [option for option in engine.systemd_options if option.startswith("--ulimit")]
        try:
            engine.run(*arguments, str(folder), timeout=BUILD_TIMEOUT)
        except HostsError as failure:
            raise HostsUnavailable(
                "\n".join([str(failure), *map(str, lacking()), "MOLECULE_BASE_IMAGE names another image to build on."])
            ) from failure


def _mirror() -> list[str]:
    """The mirror of Debian that apt uses on this machine; none where it uses none: then mmdebstrap has its own."""
    if os.environ.get("MOLECULE_MIRROR"):
        return [os.environ["MOLECULE_MIRROR"]]
    if not shutil.which("apt-get"):
        return []
    form = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        origin, uri, release, component = line.split("|")
        # apt knows the origin from the lists that it downloaded, if it did.
        debian = origin == "Debian" or ("(" in origin and uri.rstrip("/").endswith("/debian"))
        if debian and component == "main" and DEBIANS.fullmatch(release):
            return [uri]
    return []


def _proxies() -> list[str]:
    if not shutil.which("apt-config"):
        return []
    command = ["apt-config", "dump", "--format", '%f "%v";%n', "Acquire::http::Proxy", "Acquire::https::Proxy"]
    return [
        line for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines() if '""' not in line
    ]


def _quoted(word: str) -> str:
    return f'"{word}"'

# SPDX-License-Identifier: GPL-3.0-or-later
"""What scenarios copy to their hosts, made on the controller, in .cache/molecule/files, once for all of them.

    python scenario_files.py wheels VERSION...       tritonserver-VERSION.whl, of versions that the role server knows
    python scenario_files.py gpus                    gpus/KIND.tar of each kind in prepared_hosts.py, standins/*.so
    python scenario_files.py models FOLDER ARCHIVE   a repository in which the null backend stands for the real ones

Two at once wait for each other, and a killed one leaves nothing that looks whole.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import yaml
from ansible_collections.inference.triton.tests.standin_cuda import server as standin
from clone_cache import CACHE, ROOT, locked, scratch
from container_engine import HostsUnavailable, install
from prepared_hosts import KINDS, pack
from throwaway_hosts import may_install

FILES = CACHE / "molecule" / "files"
KNOWN_WHEELS = ROOT / "roles/server/vars/main.yml"
LARGE = 1 << 20  # bytes
NO_COMPILER = (
    "a C compiler is missing: it makes the stand-ins for GPUs and backends (Debian, Ubuntu: packages gcc libc6-dev)"
)


def wheels(*versions: str) -> None:
    """Download the wheels of these servers; pip holds each against the checksum that the role server has for it."""
    known = yaml.safe_load(KNOWN_WHEELS.read_text())["triton_server_known_wheels"]
    for version in versions:
        wheel = FILES / f"tritonserver-{version}.whl"
        if wheel.is_file():
            continue
        name, number = known[version]["url"].rpartition("/")[2].split("-")[:2]
        with scratch(FILES / "wheels") as folder:
            requirement = folder / "requirement.txt"
            requirement.write_text(f"{name}=={number} --hash=sha256:{known[version]['checksum']}\n")
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
            subprocess.run([*command, "--dest", str(folder), "--requirement", str(requirement)], check=True)
            (downloaded,) = folder.glob("*.whl")
            downloaded.rename(wheel)


def gpus() -> None:
    """File systems of hosts with GPUs, each with what the stand-in for the CUDA runtime says there."""
    library = standins()
    if _is_newer(
        FILES / "gpus", FILES / "standins", *Path(__file__).parent.glob("*.py"), *(ROOT / "tests").rglob("*host*.py")
    ):
        return
    with scratch(FILES / "unfinished") as folder:
        for kind in KINDS:
            pack(kind, folder, library.cuda)
        _replace(folder, FILES / "gpus")


def standins() -> standin.Library:
    """The compiled stand-ins of tests/standin_cuda."""
    folder = FILES / "standins"
    if not _is_newer(folder, *standin.SOURCES.iterdir()):
        if not (shutil.which("gcc") or shutil.which("cc")):
            if not may_install():
                raise HostsUnavailable(NO_COMPILER)
            install(["gcc", "libc6-dev"])
        with scratch(FILES / "unfinished") as unfinished:
            standin.build(unfinished)
            _replace(unfinished, folder)
    return standin.compiled(folder)


def models(folder: str, archive: str) -> None:
    """Pack the repository in `folder`. A model without model.py gets the null backend, under each backend's name.

    Of such a model nothing but its configuration counts: large files come out empty, and a version is made up for one
    that has none, as in a repository whose files are kept elsewhere than its configurations.
    """
    library = standins()
    source = Path(folder)
    with tarfile.open(archive, "w", dereference=True) as packed:
        for model in sorted(path for path in source.iterdir() if path.is_dir()):
            null = not any(model.glob("*/model.py"))
            for path in [model, *sorted(model.rglob("*"))]:
                entry = _of_root(packed.gettarinfo(path, str(path.relative_to(source))))
                if entry.isfile() and not (null and entry.size > LARGE):
                    with path.open("rb") as content:
                        packed.addfile(entry, content)
                else:
                    entry.size = 0
                    packed.addfile(entry)
            if null:
                for backend, path in library.backends.items():
                    packed.add(path, f"{model.name}/libtriton_{backend}.so", filter=_of_root)
                if not any(path.name.isdigit() for path in model.iterdir()):
                    entry = tarfile.TarInfo(f"{model.name}/1")
                    entry.type = tarfile.DIRTYPE
                    packed.addfile(_of_root(entry))


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def _is_newer(folder: Path, *sources: Path) -> bool:
    """Whether what was made is not older than what it is made of."""
    return folder.is_dir() and folder.stat().st_mtime >= max(path.stat().st_mtime for path in sources)


def _replace(finished: Path, folder: Path) -> None:
    if folder.exists():
        folder.rename(finished / "before")  # goes with the scratch folder
    made = finished / "made"
    made.mkdir()
    for path in finished.iterdir():
        if path.name not in ("before", "made"):
            path.rename(made / path.name)
    made.rename(folder)


def main(arguments: Sequence[str]) -> int:
    """Run one of the functions above."""
    command, *rest = arguments
    try:
        with locked(FILES / "lock"):
            {"wheels": wheels, "gpus": gpus, "models": models}[command](*rest)
    except HostsUnavailable as missing:
        print(missing, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives for the scenario, made of the wheel: python pack.py WHEEL FOLDER

site1.tar.gz is a server in the layout of NVIDIA's images, tritonserver/{bin,lib,backends}. The server in broken.tar.gz
passes for one until it is started.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

STUB = "triton_python_backend_stub"
PLACES = {
    "pytriton/tritonserver/bin/": "tritonserver/bin/",
    "pytriton/tritonserver/backends/": "tritonserver/backends/",
    f"pytriton/tritonserver/python_backend_stubs/3.11/{STUB}": f"tritonserver/backends/python/{STUB}",
    "nvidia_pytriton.libs/": "tritonserver/lib/",
}
BROKEN = b"""#!/usr/bin/python3
import sys
if "--help" in sys.argv:
    print(open("/srv/triton/help").read())
    sys.exit(1)
print("this server cannot start on purpose", file=sys.stderr)
sys.exit(3)
"""


def place(name: str) -> str | None:
    if name.endswith("/") or "libpython" in name:
        return None
    return next((new + name[len(old) :] for old, new in PLACES.items() if name.startswith(old)), None)


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o755
    archive.addfile(member, io.BytesIO(content))


def finish(unfinished: Path) -> None:
    archive = unfinished.with_suffix("")
    checksum = hashlib.sha256(unfinished.read_bytes()).hexdigest()
    archive.with_name(archive.name + ".sha256").write_text(checksum + "\n")
    unfinished.replace(archive)


def main(wheel: Path, folder: Path) -> None:
    # The last file to be written: where it is newer than this program, there is nothing to do.
    done = folder / "broken.tar.gz"
    if done.is_file() and done.stat().st_mtime > Path(__file__).stat().st_mtime:
        return
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "site1.tar.gz.unfinished"
    with zipfile.ZipFile(wheel) as source, tarfile.open(unfinished, "w:gz", compresslevel=1) as archive:
        for name in source.namelist():
            if new := place(name):
                add(archive, new, source.read(name))
    finish(unfinished)
    unfinished = folder / "broken.tar.gz.unfinished"
    with tarfile.open(unfinished, "w:gz") as archive:
        add(archive, "tritonserver/bin/tritonserver", BROKEN)
    finish(unfinished)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

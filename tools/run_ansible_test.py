# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ``ansible-test sanity`` or ``ansible-test units`` on a copy of this clone, on every Python of this machine.

ansible-test insists on three things that a clone cannot give it: a folder that really is called
``ansible_collections/NAMESPACE/NAME``, with no symbolic link on the way; a ``get_pip.py`` from its maintainers' server;
and a home folder to fill. So it gets a copy, a stand-in and a home of its own, all inside ``.cache``.
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
COPY = CACHE / "ansible-test/ansible_collections/inference/triton"
HOME = CACHE / "home"
PYTHONS = CACHE / "pythons"

# Every Python that some ansible-core from 2.18 on supports; ansible-test itself skips what its release does not.
VERSIONS = [f"3.{minor}" for minor in range(8, 16)]

# ansible-test holds every file to the rules for target code. These parts are no target code, or have to break its rules
# (CRLF line ends, broken text) to be of use.
LEFT_OUT = ["benchmarks", "demo", "tests/differential", "tests/e2e", "tests/property", "tests/tools", "tools"]
LEFT_OUT_OF_SANITY = ["tests/**/fixtures/**", "*.pbtxt"]

# ansible-test calls it as: PYTHON get_pip.py [OPTIONS] REQUIREMENT...
# The pip inside ensurepip may leave a certificate file in the temporary folder, hence a folder of its own.
GET_PIP = """\
import os, subprocess, sys, tempfile
requirements = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
with tempfile.TemporaryDirectory() as folder:
    os.environ["TMPDIR"] = folder
    subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
    subprocess.check_call([sys.executable, "-m", "pip", "install", *requirements])
"""


def main() -> int:
    """Run the test that the command line names and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["sanity", "units"])
    command, options = parser.parse_known_args()
    copy_tree(LEFT_OUT + (LEFT_OUT_OF_SANITY if command.command == "sanity" else []))
    make_home()
    link_pythons()
    print("Python:", *sorted((link.name for link in PYTHONS.iterdir()), key=len), flush=True)
    where = "--local" if command.command == "sanity" else "--venv"
    status, output = run(["ansible-test", command.command, where, "--color", "no", *options])
    return status or check_coverage(command.command, output)


def copy_tree(left_out: list[str]) -> None:
    """Copy what git tracks or would track, save for ``left_out``.

    A repository of its own keeps the copy from being an ignored folder, in which ansible-test finds nothing to test.
    """
    shutil.rmtree(CACHE / "ansible-test", ignore_errors=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."]
    listing += [f":(exclude){path}" for path in left_out]
    for name in subprocess.run(listing, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0"):
        source, target = ROOT / name, COPY / name
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)


def make_home() -> None:
    """Make the home folder, with the stand-in for get_pip.py under each name that a release of ansible-test looks for.

    ansible-test clears the environment, so the pip settings found there move into the home's own pip.conf.
    """
    cached = HOME / ".ansible/test/cache"
    cached.mkdir(parents=True, exist_ok=True)
    for version in ("24_2", "25_2"):
        (cached / f"get_pip_{version}.py").write_text(GET_PIP, encoding="utf-8")

    settings = configparser.RawConfigParser()
    user = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "pip/pip.conf"
    settings.read([Path.home() / ".pip/pip.conf", user, os.environ.get("PIP_CONFIG_FILE", os.devnull)])
    if not settings.has_section("global"):
        settings.add_section("global")
    settings.set("global", "quiet", "2")
    if proxy := os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY"):
        settings.set("global", "proxy", proxy)
    for name, value in os.environ.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
            settings.set("global", name[len("PIP_") :].lower().replace("_", "-"), value)
    target = HOME / ".config/pip/pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600)
    with target.open("w", encoding="utf-8") as stream:
        settings.write(stream)


def link_pythons() -> None:
    """Link one working interpreter of each version into one folder for PATH.

    A ``python3.9`` on PATH may be a version manager's stub that only works in its user's environment, which
    ansible-test clears; hence each candidate has to run in an empty one.
    """
    shutil.rmtree(PYTHONS, ignore_errors=True)
    PYTHONS.mkdir(parents=True)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in VERSIONS:
        name = f"python{version}"
        folders = [*sorted(pyenv.glob(f"versions/{version}.*/bin")), *map(Path, os.get_exec_path())]
        candidates = (folder / name for folder in folders if ROOT not in folder.parents)
        if found := next(filter(works, candidates), None):
            (PYTHONS / name).symlink_to(found)


def works(python: Path) -> bool:
    """Tell whether ``python`` runs in an empty environment and can make virtual environments."""
    probe = [str(python), "-c", "import ensurepip, ssl, venv"]
    return python.exists() and subprocess.run(probe, env={}, stderr=subprocess.DEVNULL, check=False).returncode == 0


def run(command: list[str]) -> tuple[int, str]:
    """Run ``command`` in the copy, show its output as it comes, and return its exit status and its output."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(PYTHONS), "/usr/bin", "/bin"])
    environment = {**os.environ, "HOME": str(HOME), "PATH": path}
    for name in [name for name in environment if name.startswith("ANSIBLE_")]:
        del environment[name]
    lines = []
    with subprocess.Popen(
        command, cwd=COPY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return process.returncode, "".join(lines)


def check_coverage(command: str, output: str) -> int:
    """Return 1 where a run that ended well has tested nothing: ansible-test takes that for a success."""
    if command == "sanity":
        tests = set(re.findall(r"^Running sanity test [\"']([\w-]+)[\"']", output, re.MULTILINE))
        missing = {"ansible-doc", "compile", "import", "pep8", "pylint", "validate-modules"} - tests
        if missing or "All targets skipped" in output:
            print("ansible-test sanity tested nothing, or left out:", *sorted(missing), file=sys.stderr)
            return 1
        print(f"ansible-test sanity: {len(tests)} tests passed")
        return 0
    passed = re.findall(r"^=+ (\d+) passed", output, re.MULTILINE)
    if not passed or "0" in passed:
        print("ansible-test units found no test to run under tests/unit/plugins.", file=sys.stderr)
        return 1
    print(f"ansible-test units: {', '.join(passed)} passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python
# Copyright: Contributors to the inference.triton collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_installation
version_added: 0.1.0
short_description: Versions of tritonserver side by side on a host
description:
  - Installs tritonserver from a file on the host into a folder of its own, C(ROOT/VERSION), or removes such folders.
    The role P(inference.triton.server#role) does the rest, from the download to the healthy service.
  - The file is the wheel of nvidia-pytriton, or a zip or tar file with an existing installation, that is one with
    C(bin/tritonserver) in it and C(backends) beside C(bin).
  - A version is unpacked beside its place, tried out (C(tritonserver --help), and the Python backend's stub), and only
    then gets its name. So a version is whole or not there, and one whose libraries are missing never gets in the way of
    the one that runs.
  - From the wheel comes the server alone. Its Python backend gets the stub for O(python) and loads that Python's own
    shared library, which must be installed (Debian and Ubuntu have it in packages such as C(libpython3.11)). When the
    host gets another Python, the next run makes the backend ready for that.
options:
  root:
    description: The folder of all versions.
    type: path
    default: /opt/triton
  version:
    description:
      - The name of the version, and of its folder. What it says is up to you; the version of the server is a good
        choice, with a suffix where you build your own.
      - Required for O(state=present). With O(state=absent) and without it all versions are removed.
    type: str
  src:
    description: The wheel or archive, on the host. Needed only where the version is not installed.
    type: path
  checksum:
    description:
      - SHA-256 of O(src), in hexadecimal digits. Another file is refused, and so is a version that was installed from
        another file.
    type: str
  format:
    description: Whether O(src) is the wheel of nvidia-pytriton or an archive of an installation.
    type: str
    choices: [wheel, archive]
    default: wheel
  program:
    description: The path of C(tritonserver) in the archive, where there is more than one C(bin/tritonserver) in it.
    type: str
  python:
    description: The Python of the host that Triton's Python backend runs models with.
    type: path
    default: /usr/bin/python3
  keep:
    description:
      - With O(state=absent), spare this many versions, those installed last, and those of O(spare).
    type: int
    default: 0
  spare:
    description: With O(state=absent), versions that stay in any case.
    type: list
    elements: str
    default: []
  state:
    description: Whether the version has to be installed, or versions have to go.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - inference.triton._attributes
attributes:
  diff_mode:
    description: Returns no diff, what changes is a folder as a whole.
    support: none
author:
  - Contributors to the inference.triton collection (@inference-triton)
"""

EXAMPLES = r"""
- name: Install a version beside the one that runs
  inference.triton.server_installation:
    version: 2.51.0
    src: /var/tmp/nvidia_pytriton-0.7.0-py3-none-manylinux_2_35_x86_64.whl
    checksum: 21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df
  register: triton

- name: Does it know an option?
  ansible.builtin.debug:
    msg: "{{ 'http-max-input-size' in triton.installation.options }}"

- name: Keep two versions and the one that runs
  inference.triton.server_installation:
    state: absent
    keep: 2
    spare: [2.48.0]
"""

RETURN = r"""
installation:
  description: The version. Null with O(state=absent), and in check mode where it is not installed.
  returned: success
  type: dict
  contains:
    version: {description: Its name., type: str, sample: 2.51.0}
    path: {description: Its folder., type: str, sample: /opt/triton/2.51.0}
    checksum: {description: SHA-256 of the file that it was installed from., type: str}
    program: {description: The server., type: str, sample: /opt/triton/2.51.0/pytriton/tritonserver/bin/tritonserver}
    backends: {description: For C(--backend-directory). Null where there is none., type: str}
    caches: {description: For C(--cache-directory). Null where there is none., type: str}
    repoagents: {description: For C(--repoagent-directory). Null where there is none., type: str}
    libraries: {description: For C(LD_LIBRARY_PATH). Null where the server needs none., type: str}
    options:
      description:
        - The options that this server knows, by name, with the kind of value, one of V(bool), V(int), V(float), V(str)
          and V(flag).
      type: dict
      sample: {exit-on-error: bool, disable-auto-complete-config: flag}
    python:
      description: The Python that its Python backend was made ready for. Null where it brought its own stub.
      type: str
      sample: "3.11"
versions:
  description: The versions below O(root) after the run, the one installed last coming first.
  returned: success
  type: list
  elements: str
  sample: [2.51.0, 2.48.0]
removed:
  description: The versions that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._service import installation
from ..module_utils._service.errors import ServiceError
from ..module_utils._service.python_of_host import ask


def present(module: AnsibleModule, options: Dict[str, Any]) -> Dict[str, Any]:
    root, version = options["root"], options["version"]
    found = installation.installed(root, version)
    checksum = options["checksum"] and options["checksum"].lower()
    if found and checksum not in (None, found.checksum):
        raise ServiceError(
            f"{found.path} was installed from another file, with the SHA-256 {found.checksum}. "
            "A version does not change: give the new one another name, or remove the old one first."
        )
    python = ask(options["python"])
    changed = found is None or installation.outdated(found, python)
    if changed and not module.check_mode:
        source = installation.Source(options["src"], checksum, options["format"] == "wheel", options["program"])
        found = (
            installation.renew(root, found, python) if found else installation.install(root, version, source, python)
        )
    if found and found.python and not python.has_numpy:
        module.warn(f"{python.path} has no NumPy: Triton's Python backend cannot load a model without it.")
    return {"changed": changed, "installation": found and found.facts(), "removed": []}


def absent(module: AnsibleModule, options: Dict[str, Any]) -> Dict[str, Any]:
    root = options["root"]
    names = installation.versions(root)[options["keep"] :]
    if options["version"] is not None:
        names = [options["version"]] if installation.installed(root, options["version"]) else []
    names = [name for name in names if name not in options["spare"]]
    if not module.check_mode:
        installation.remove(root, names)
    return {"changed": bool(names), "installation": None, "removed": names}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "default": "/opt/triton"},
            "version": {"type": "str"},
            "src": {"type": "path"},
            "checksum": {"type": "str"},
            "format": {"type": "str", "choices": ["wheel", "archive"], "default": "wheel"},
            "program": {"type": "str"},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "keep": {"type": "int", "default": 0},
            "spare": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ("version",))],
        supports_check_mode=True,
    )
    try:
        result = (present if module.params["state"] == "present" else absent)(module, module.params)
    except ServiceError as error:
        module.fail_json(msg=str(error))
    module.exit_json(versions=installation.versions(module.params["root"]), **result)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: GPL-3.0-or-later
# This doc fragment is PRIVATE to the collection: it can change without notice.
"""The options by which modules are told what GPUs a server sees."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  gpus:
    description:
      - The GPUs of the host that serves the models, in the order of their PCI addresses, invented or known from
        elsewhere.
      - Each is a mapping with any of C(name), C(brand), C(uuid), C(memory_mib), C(compute_capability) (V("8.0")),
        C(pci_address), C(usable), C(reason) (why it is not), C(mig_mode), C(mig_devices) (each with C(uuid),
        C(profile), C(memory_mib)) and C(index). A wrong key that looks like one of them is an error, others are left
        alone.
      - An empty list is a host without a GPU. By default, the GPUs of the managed host are detected.
    type: list
    elements: dict
  cuda_visible_devices:
    description:
      - The variable E(CUDA_VISIBLE_DEVICES) in the environment of the server, or the devices that its container is
        given, since both renumber. By default the server sees every device, in the order of the PCI addresses.
    type: str
  driver_version:
    description:
      - Version of the NVIDIA driver, for example V(550.54.15), instead of the one that is detected.
      - Together with O(triton_release) it decides whether Triton sees a GPU at all, and by itself how many MIG devices
        a server sees. From 570 on these are all of them, before that one.
    type: str
  min_supported_compute_capability:
    description:
      - What the server is given as C(--min-supported-compute-capability), for example V("7.5"). It does not use GPUs
        with less. It overrules O(server_log) and O(triton_release).
      - Without it, the value in O(server_log) is taken, which is the one in force. Without that too, it is 6.0 up to
        Triton 24.10 and 7.5 from 24.11. There is a doubt about the second. It is the default of Triton's core, but some
        builds have another one.
    type: str
  server_log:
    description:
      - Path of the server's log on the managed host. The table of options in it, as of the last start, has the lowest
        compute capability that this server uses, and its version, which says what it asks of a GPU where
        O(triton_release) is not given.
      - Where O(triton_release) is another release than the one that wrote the log, because an upgrade is planned for
        example, the log does not count, with a warning.
    type: path
  cuda_compat:
    description:
      - Path, on the managed host, of the C(libcuda) of NVIDIA's compatibility package (C(cuda-compat)) in the image or
        the installation of the server, of the folder that has it, V(/usr/local/cuda/compat), or of the root of an
        unpacked image. A note in that library says for which CUDA it is, and on which branches of the driver it runs.
        It overrules what is known of O(triton_release).
      - With it, data-centre GPUs with a driver that is too old for the CUDA of the server count, with a warning, where
        the package bridges that driver. Without it they do not, unless it is known of this release.
    type: path
"""

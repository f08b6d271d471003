# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the loader finds the driver's libraries, and their versions."""

from __future__ import annotations

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu.host_files import HostFiles
from ansible_collections.inference.triton.plugins.module_utils._gpu.libraries import (
    driver_version_of,
    find_compat_library,
    find_library,
)


@pytest.fixture
def files(host_tree):
    return HostFiles(str(host_tree.root))


def find(files, name="libcuda.so.1", architecture="x86_64"):
    path = find_library(files, name, architecture)
    return path, driver_version_of(files, path)


@pytest.mark.parametrize(
    "folder",
    [
        "usr/lib/x86_64-linux-gnu",
        "usr/lib64",
        "usr/lib",
        "lib64",
        "usr/lib/wsl/lib",
        "run/opengl-driver/lib",
    ],
)
def test_the_usual_folders(files, host_tree, folder):
    host_tree.libraries("550.54.15", folder=folder)
    assert find(files) == (f"/{folder}/libcuda.so.1", "550.54.15")
    assert find(files, "libnvidia-ml.so.1") == (f"/{folder}/libnvidia-ml.so.1", "550.54.15")


def test_the_folder_of_another_processor(files, host_tree):
    host_tree.libraries(folder="usr/lib/aarch64-linux-gnu")
    assert find(files) == ("", "")
    assert find(files, architecture="aarch64")[0] == "/usr/lib/aarch64-linux-gnu/libcuda.so.1"


def test_a_folder_that_only_the_cache_of_the_loader_knows(files, host_tree):
    host_tree.libraries("580.95.05", folder="opt/nvidia/lib")
    host_tree.write("etc/ld.so.cache", b"glibc-ld.so.cache1.1\0\x03libcuda.so.1\0/opt/nvidia/lib/libcuda.so.1\0libm\0")
    assert find(files) == ("/opt/nvidia/lib/libcuda.so.1", "580.95.05")
    assert find(files, "libnvidia-ml.so.1") == ("", "")


def test_the_cache_of_the_loader_goes_first(files, host_tree):
    host_tree.libraries("550.54.15")
    host_tree.libraries("580.95.05", folder="opt/nvidia/lib")
    host_tree.write("etc/ld.so.cache", b"\0/gone/libcuda.so.1\0/opt/nvidia/lib/libcuda.so.1\0")
    assert find(files)[1] == "580.95.05"


def test_a_library_for_programs_of_32_bits_is_none(files, host_tree):
    host_tree.libraries("550.54.15")
    host_tree.write("usr/lib32/libcuda.so.1", b"\x7fELF\x01")
    host_tree.write("etc/ld.so.cache", b"\0/usr/lib32/libcuda.so.1\0")
    assert find(files)[0] == "/usr/lib/x86_64-linux-gnu/libcuda.so.1"


def test_a_link_that_leads_nowhere_is_no_library(files, host_tree):
    host_tree.libraries("550.54.15")
    host_tree.remove("usr/lib/x86_64-linux-gnu/libcuda.so.550.54.15")
    assert find(files) == ("", "")


@pytest.mark.parametrize("version", ["565.77", "580.95.05", "440.33.01"])
def test_versions_of_two_and_three_parts(files, host_tree, version):
    host_tree.libraries(version)
    assert find(files)[1] == version


def test_the_name_of_wsl_and_jetson_is_no_version(files, host_tree):
    host_tree.wsl()
    assert find(files) == ("/usr/lib/wsl/lib/libcuda.so.1", "")


def test_a_compatibility_package_is_not_the_driver(files, host_tree):
    host_tree.libraries("580.95.05", folder="usr/local/cuda/compat")
    host_tree.write("etc/ld.so.cache", b"\0/usr/local/cuda/compat/libcuda.so.1\0")
    assert find(files) == ("", "")


@pytest.mark.parametrize("folder", ["usr/local/cuda/compat", "usr/local/cuda-13.0/compat/lib", "opt/cuda-compat"])
def test_a_compatibility_package_by_ld_library_path(files, host_tree, folder):
    for place in (folder, "relative/compat"):
        host_tree.libraries(folder=place)
    environment = {"LD_LIBRARY_PATH": f"::relative/compat:/usr/lib64:/gone/compat:/{folder}/:/later"}
    assert find_compat_library(files, "libcuda.so.1", environment) == f"/{folder}/libcuda.so.1"
    assert find_compat_library(files, "libcuda.so.1", {}) == ""


def test_a_compatibility_package_by_the_loaders_settings(files, host_tree):
    host_tree.libraries(folder="usr/local/cuda/compat")
    host_tree.write("etc/ld.so.conf.d/00-compat.conf", "# NVIDIA\n/usr/local/cuda/compat # first\n")
    assert find_compat_library(files, "libcuda.so.1", {}) == "/usr/local/cuda/compat/libcuda.so.1"


def test_a_compatibility_package_that_nobody_asks_for_is_not_told(files, host_tree):
    host_tree.libraries(folder="usr/local/cuda/compat")
    assert find_compat_library(files, "libcuda.so.1", {"LD_LIBRARY_PATH": "/usr/lib64:/opt/compatible"}) == ""

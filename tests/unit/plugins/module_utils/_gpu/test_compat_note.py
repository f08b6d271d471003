# SPDX-License-Identifier: GPL-3.0-or-later
"""What the libcuda of a compatibility package says of itself."""

from __future__ import annotations

import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._gpu import compat_note
from ansible_collections.inference.triton.plugins.module_utils._gpu.compat_note import read_compat_note
from ansible_collections.inference.triton.plugins.module_utils._model_config.findings import ConfigError

NOTE = b'{"format":1,"CUDA version":"13.1","driver":[535,550,590],"device":[1,2,7]}'


def library(folder, name="libcuda.so.590.44.01", note=NOTE, before=1000, after=1000):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(b"\x7fELF" + b"{" * before + note + b"\0" + b"}" * after)
    return path


def error_of(path):
    with pytest.raises(ConfigError) as raised:
        read_compat_note(str(path))
    return str(raised.value)


def test_a_note_is_read_from_a_library(tmp_path):
    path = library(tmp_path)
    note, warnings = read_compat_note(str(path))
    assert note == (str(path), "13.1", (535, 550, 590), "590.44.01", NOTE.decode())
    assert warnings == []


@pytest.mark.parametrize("before", [0, 60, 64 - 4, 64 - 8, 64 - 20, 100, 1000])
def test_a_note_is_found_wherever_it_stands(tmp_path, monkeypatch, before):
    monkeypatch.setattr(compat_note, "_CHUNK", 64)
    note, _warnings = read_compat_note(str(library(tmp_path, before=before)))
    assert note.branches == (535, 550, 590)


def test_a_link_tells_the_driver_by_what_it_leads_to(tmp_path):
    library(tmp_path)
    (tmp_path / "libcuda.so.1").symlink_to("libcuda.so.590.44.01")
    note, _warnings = read_compat_note(str(tmp_path / "libcuda.so.1"))
    assert (note.driver, note.path) == ("590.44.01", str(tmp_path / "libcuda.so.590.44.01"))


@pytest.mark.parametrize("name", ["libcuda.so.1", "libcuda.so.1.1", "libcuda.so", "own.so"])
def test_a_name_without_a_version_tells_no_driver(tmp_path, name):
    note, _warnings = read_compat_note(str(library(tmp_path, name)))
    assert note.driver == ""


@pytest.mark.parametrize(
    "place",
    ["", "lib.real", "compat", "compat/lib.real", "usr/local/cuda-13.1/compat", "usr/local/cuda-13.1/compat/lib.real"],
    ids=["package", "container", "toolkit", "container toolkit", "image", "container image"],
)
def test_a_library_is_found_in_a_folder(tmp_path, place):
    path = library(tmp_path / place)
    note, warnings = read_compat_note(str(tmp_path))
    assert (note.path, warnings) == (str(path), [])


def test_links_to_one_library_are_one_library(tmp_path):
    path = library(tmp_path)
    for name in ("libcuda.so.1", "libcuda.so.2"):
        (tmp_path / name).symlink_to(path.name)
    assert read_compat_note(str(tmp_path))[1] == []


def test_the_newest_of_several_counts_by_its_numbers(tmp_path):
    library(tmp_path, "libcuda.so.575.99", NOTE.replace(b"13.1", b"12.9"))
    library(tmp_path, "libcuda.so.1000.10", NOTE.replace(b"13.1", b"20.1"))
    library(tmp_path, "libcuda.so.590.44.01")
    note, (warning,) = read_compat_note(str(tmp_path))
    assert (note.cuda, note.driver) == ("20.1", "1000.10")
    assert "libcuda.so.575.99, " in warning


def test_a_link_that_leads_out_of_the_root_of_an_image_is_no_part_of_it(tmp_path):
    library(tmp_path / "host", "libcuda.so.610.10")
    inside = library(tmp_path / "image" / "usr/local/cuda-13.1/compat")
    (tmp_path / "image" / "usr/local/cuda").symlink_to(tmp_path / "host")
    (inside.parent / "libcuda.so.999.1").symlink_to(tmp_path / "host" / "libcuda.so.610.10")
    note, warnings = read_compat_note(str(tmp_path / "image"))
    assert (note.path, warnings) == (str(inside), [])


def test_a_folder_that_is_a_link_is_followed(tmp_path):
    path = library(tmp_path / "lib.real")
    (tmp_path / "lib").symlink_to("lib.real")
    assert read_compat_note(str(tmp_path / "lib"))[0].path == str(path)


def test_a_library_without_a_note_is_a_warning(tmp_path):
    path = library(tmp_path, note=b'{"format": "text"}')
    note, (warning,) = read_compat_note(str(path))
    assert note is None
    assert warning.startswith(f"cuda_compat: {path} says nothing of the drivers on which it runs")


def test_more_than_a_limit_is_not_read(tmp_path, monkeypatch):
    path = library(tmp_path, before=10000)
    monkeypatch.setattr(compat_note, "_LIMIT", 1000)
    monkeypatch.setattr(compat_note, "_CHUNK", 100)
    assert read_compat_note(str(path))[0] is None


def test_a_note_may_be_written_in_other_words(tmp_path):
    path = library(tmp_path, note=b'{ "Format" : 2, "CUDA Version" : "13.2",\n"Driver" : [590, 535, 535] }')
    note, _warnings = read_compat_note(str(path))
    assert (note.cuda, note.branches) == ("13.2", (535, 590))


def test_a_note_without_branches_is_one(tmp_path):
    note, _warnings = read_compat_note(str(library(tmp_path, note=b'{"format":1,"CUDA version":"13.2"}')))
    assert (note.cuda, note.branches) == ("13.2", ())


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (b'{"format":1,"CUDA version":"13.1" "driver":[535]}', "is broken"),
        (b'{"format":1,"CUDA version":"13.1","driver":[535', "is broken"),
        (b'{"format":1,"CUDA version":"13.1","driver":[' + b"5," * 4000, "is broken"),
        (b'{"format":1,"CUDA version":"13.1","driver":"\xff}', "is broken"),
        (b'{"format":1,"CUDA version":"new","driver":[535]}', "names no CUDA version"),
        (b'{"format":1,"CUDA version":13,"driver":[535]}', "names no CUDA version"),
        (b'{"format":1,"CUDA version":"13.1","driver":535}', "has no list of driver branches"),
        (b'{"format":1,"CUDA version":"13.1","driver":["535"]}', "has no list of driver branches"),
        (b'{"format":1,"CUDA version":"13.1","driver":[true]}', "has no list of driver branches"),
        (b'{"format":1,"CUDA version":"13.1","driver":[-1]}', "has no list of driver branches"),
    ],
)
def test_a_broken_note_is_an_error_that_names_the_file(tmp_path, note, told):
    path = library(tmp_path, note=note)
    error = error_of(path)
    assert f"cuda_compat: the note in {path} {told}" in error
    assert len(error) < 700


def test_what_is_no_library_is_an_error(tmp_path):
    (tmp_path / "libcuda.so.590.44.01").write_text("not this one")
    assert "libcuda.so.590.44.01 is no library. Give the path" in error_of(tmp_path)


def test_a_folder_without_a_library_is_an_error(tmp_path):
    assert f"there is no libcuda.so.* in {tmp_path}" in error_of(tmp_path)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    assert error_of(tmp_path / "none").endswith("none cannot be read: No such file or directory.")


def test_a_pipe_is_an_error_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "libcuda.so.590.44.01")
    assert "is no file" in error_of(tmp_path / "libcuda.so.590.44.01")
    assert "there is no libcuda.so.*" in error_of(tmp_path)


def test_a_path_that_cannot_be_one_is_an_error():
    assert "cannot be read" in error_of("a\0b")

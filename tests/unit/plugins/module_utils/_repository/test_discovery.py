# SPDX-License-Identifier: GPL-3.0-or-later
"""Which directories of a repository are models, and which files configure them."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.inference.triton.plugins.module_utils._repository.discovery import (
    RepositoryError,
    checked_name,
    config_path,
    list_models,
    model_directory,
    repositories_of,
    repository_of,
    without_models,
)


def names(listing):
    return [model.name for model in listing.models]


def ignored(listing):
    return {os.path.basename(item.path): item.harmful for item in listing.ignored}


# What is a model


def test_the_models_come_in_the_order_of_their_names(repository):
    for name in ("b", "a", "Z", "ä"):
        repository.model(name)
    assert names(list_models(repository.path)) == ["Z", "a", "b", "ä"]


@pytest.mark.parametrize(
    ("text", "versions"),
    [(b"", ()), (b"", ("1",)), (None, ("1",)), (None, ("0",)), (None, ("10", "2"))],
    ids=["file", "both", "version", "version 0", "versions"],
)
def test_a_directory_with_a_configuration_or_a_version_is_a_model(repository, text, versions):
    repository.model("m", text, versions)
    assert names(list_models(repository.path)) == ["m"]


def test_a_directory_with_nothing_but_a_variant_is_a_model(repository):
    repository.variant("m", "h100", b"")
    (model,) = list_models(repository.path).models
    assert [(config.config_name, config.exists) for config in model.configs] == [(None, False), ("h100", True)]


@pytest.mark.parametrize("name", [".git", "lost+found", "docs", ".cache"])
def test_a_directory_with_neither_is_ignored_with_a_reason(repository, name):
    os.makedirs(os.path.join(repository.path, name, "objects"))
    listing = list_models(repository.path)
    assert names(listing) == []
    (item,) = listing.ignored
    assert item.path == os.path.join(repository.path, name)
    assert "Triton would report it as a model that fails" in item.reason
    assert not item.harmful


@pytest.mark.parametrize("entry", ["01", "1a", "-1", "v1", "1.0", "", "configs", "latest"])
def test_only_whole_numbers_without_a_leading_zero_are_versions(repository, entry):
    repository.model("m", None, ("7",))
    os.makedirs(os.path.join(repository.path, "m", entry), exist_ok=True)
    assert list_models(repository.path).models[0].versions == ("7",)


def test_a_file_is_no_version(repository):
    home = os.path.dirname(repository.model("logs.d", None, ()))
    with open(os.path.join(home, "1"), "w"):
        pass
    assert names(list_models(repository.path)) == []


def test_versions_come_in_the_order_of_their_numbers(repository):
    repository.model("m", versions=("10", "9", "0"))
    assert list_models(repository.path).models[0].versions == ("0", "9", "10")


def test_files_in_the_root_are_no_models(repository):
    repository.model("m")
    for name in ("README.md", "config.pbtxt", ".hidden", "1"):
        with open(os.path.join(repository.path, name), "w"):
            pass
    listing = list_models(repository.path)
    assert (names(listing), listing.ignored) == (["m"], [])


def test_repositories_in_repositories_are_not_searched(repository):
    repository.model("nested/inner")
    assert names(list_models(repository.path)) == []


def test_a_linked_directory_is_a_model_under_the_name_of_the_link(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("ranker-v3")
    os.symlink(os.path.join(elsewhere.path, "ranker-v3"), os.path.join(repository.path, "ranker"))
    (model,) = list_models(repository.path).models
    assert (model.name, model.path) == ("ranker", os.path.join(repository.path, "ranker"))


@pytest.mark.parametrize("target", ["nowhere", "dangling", "../models/dangling"], ids=["nowhere", "itself", "around"])
def test_a_link_that_leads_nowhere_is_harmful(repository, target):
    repository.model("m")
    os.symlink(target, os.path.join(repository.path, "dangling"))
    listing = list_models(repository.path)
    assert names(listing) == ["m"]
    assert ignored(listing) == {"dangling": True}


def test_a_name_that_is_not_utf8_is_a_model_like_any_other(repository):
    home = os.fsencode(repository.path) + b"/\xff"
    os.makedirs(home + b"/1")
    assert [os.fsencode(model.path) for model in list_models(repository.path).models] == [home]


# Which files configure a model


def test_the_configurations_of_a_model(repository):
    repository.model("m")
    for config_name in ("h100", "a100", "with.dot"):
        repository.variant("m", config_name, b"")
    (model,) = list_models(repository.path).models
    assert [(config.path, config.config_name, config.exists) for config in model.configs] == [
        (repository.config("m"), None, True),
        (repository.config("m", "a100"), "a100", True),
        (repository.config("m", "h100"), "h100", True),
        (repository.config("m", "with.dot"), "with.dot", True),
    ]


@pytest.mark.parametrize("entry", ["h100.pbtxt.bak", "h100.txt", ".pbtxt", "h100.PBTXT", "readme"])
def test_other_files_in_configs_configure_nothing(repository, entry):
    repository.model("m")
    repository.variant("m", "x", b"")
    os.rename(repository.config("m", "x"), os.path.join(repository.path, "m", "configs", entry))
    (model,) = list_models(repository.path).models
    assert len(model.configs) == 1


def test_a_file_called_configs_configures_nothing(repository):
    home = os.path.dirname(repository.model("m"))
    with open(os.path.join(home, "configs"), "w"):
        pass
    assert len(list_models(repository.path).models[0].configs) == 1


def test_config_pbtxt_counts_whatever_it_is(repository):
    """A directory or a dangling link of this name is found when it is read, and is not taken for a missing file."""
    home = os.path.dirname(repository.model("m", None))
    os.symlink("nowhere", os.path.join(home, "config.pbtxt"))
    assert list_models(repository.path).models[0].configs[0].exists


# What tells the backend


@pytest.mark.parametrize(
    ("directories", "first"),
    [
        (("1",), "1"),
        (("2", "10"), "10"),
        (("1", ".cache"), ".cache"),
        (("1", "configs"), "1"),
        (("configs",), "configs"),
    ],
    ids=" and ".join,
)
def test_the_first_sub_directory_in_the_order_of_the_text_tells_the_backend(repository, directories, first):
    repository.model("m", b"", ())
    for directory in directories:
        repository.model("m", b"", (directory,), (f"in {directory}",))
    assert list_models(repository.path).models[0].files() == [f"in {first}"]


def test_a_model_without_sub_directories_has_no_files(repository):
    repository.model("m", b"", ())
    assert list_models(repository.path).models[0].files() == []


@pytest.mark.parametrize(
    ("engine", "size"),
    [
        ({}, 1),
        ({"tensor_parallel_size": 4}, 4),
        ({"tensor_parallel_size": 4, "pipeline_parallel_size": "2"}, 8),
        ({"tensor_parallel_size": None}, None),
        ({"tensor_parallel_size": "many"}, None),
        ([], None),
        ("no JSON", None),
    ],
)
def test_the_gpus_that_a_vllm_model_spans(repository, engine, size):
    home = os.path.dirname(repository.model("m", versions=("1",)))
    with open(os.path.join(home, "1", "model.json"), "w") as file:
        file.write(engine if engine == "no JSON" else json.dumps(engine))
    assert list_models(repository.path).models[0].world_size() == size


def test_a_vllm_model_without_model_json_spans_nobody_knows_how_many(repository):
    repository.model("m")
    assert list_models(repository.path).models[0].world_size() is None


def test_of_several_versions_the_one_that_spans_most_gpus_counts(repository):
    """By default Triton serves the latest version, and a policy must fit every version it may serve."""
    home = os.path.dirname(repository.model("m", versions=("1", "2")))
    for version, size in (("1", 1), ("2", 4)):
        with open(os.path.join(home, version, "model.json"), "w") as file:
            json.dump({"tensor_parallel_size": size}, file)
    assert list_models(repository.path).models[0].world_size() == 4


# What cannot be read


def test_a_repository_that_does_not_exist(tmp_path):
    with pytest.raises(RepositoryError, match=r"models: there is no such directory\. Check the path"):
        list_models(str(tmp_path / "models"))


def test_a_file_for_a_repository(tmp_path):
    (tmp_path / "models").write_text("")
    with pytest.raises(RepositoryError, match="models: this is a file, and a directory is wanted"):
        list_models(str(tmp_path / "models"))


def test_a_model_for_a_repository(repository):
    home = os.path.dirname(repository.model("m", versions=("1",)))
    assert list_models(home).models == []
    assert without_models(home) == f"{home}: this is a model, and not a model repository. Give the directory above it."
    assert without_models(repository.path).endswith(": there is no model in here. Is this the model repository?")


def test_a_path_with_a_nul(tmp_path):
    with pytest.raises(RepositoryError):
        list_models(str(tmp_path) + "/\0")


def test_a_repository_that_is_closed_to_this_user(open_path, make_repository, ordinary):
    closed = make_repository("closed", open_path)
    os.chmod(closed.path, 0)
    with pytest.raises(RepositoryError, match=r"cannot be read: Permission denied\. Run the task as a user who may"):
        ordinary(lambda: list_models(closed.path))


@pytest.mark.parametrize("closed", ["m", "m/configs"])
def test_a_model_that_is_closed_to_this_user_is_still_a_model(open_path, make_repository, ordinary, closed):
    """It would go to the CPU unnoticed if it were left out."""
    models = make_repository("models", open_path)
    models.model("m")
    models.variant("m", "h100", b"")
    os.chmod(os.path.join(models.path, closed), 0)
    assert ordinary(lambda: names(list_models(models.path))) == ["m"]


# Names from a playbook


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/abs", "a/", "\0", "a\0b", "..\\x"], ids=repr)
def test_a_name_that_climbs_is_refused(repository, name):
    with pytest.raises(RepositoryError, match=r"is not the name of a directory entry\. Give a plain name without '/'"):
        checked_name(name, "model")
    with pytest.raises(RepositoryError, match=r"^model: "):
        model_directory(repository.path, name)
    repository.model("m")
    with pytest.raises(RepositoryError, match=r"^config_name: "):
        config_path(repository.path, "m", name)


@pytest.mark.parametrize("name", ["m", "...", "a b", "a.b", "-", "ä"])
def test_any_other_name_is_fine(name):
    assert checked_name(name, "model") == name


def test_where_a_configuration_is_or_would_be(repository):
    repository.model("m", None)
    assert config_path(repository.path, "m", None) == repository.config("m")
    assert config_path(repository.path, "m", "h100") == repository.config("m", "h100")


def test_a_model_that_does_not_exist(repository):
    with pytest.raises(RepositoryError, match="there is no such directory of the model 'm'"):
        model_directory(repository.path, "m")


def test_a_model_in_a_repository_that_does_not_exist(tmp_path):
    with pytest.raises(RepositoryError, match="there is no such model repository"):
        model_directory(str(tmp_path / "none"), "m")


@pytest.mark.parametrize(
    ("path", "repository"),
    [
        ("/srv/models/m/config.pbtxt", "/srv/models"),
        ("/srv/models/m/configs/h100.pbtxt", "/srv/models"),
        ("/m/config.pbtxt", "/"),
        ("/config.pbtxt", "/"),
    ],
)
def test_the_repository_that_a_file_belongs_to(path, repository):
    assert repository_of(path) == repository


def test_a_linked_model_has_two_repositories(repository, make_repository):
    elsewhere = make_repository("elsewhere")
    elsewhere.model("m", b"")
    os.symlink(os.path.join(elsewhere.path, "m"), os.path.join(repository.path, "m"))
    assert repositories_of(repository.config("m")) == [repository.path, elsewhere.path]


def test_what_a_link_leads_to_outside_of_any_model_is_in_no_repository(repository, tmp_path):
    (tmp_path / "shared.pbtxt").write_bytes(b"")
    path = repository.model("m", None)
    os.symlink(str(tmp_path / "shared.pbtxt"), path)
    assert repositories_of(path) == [repository.path]

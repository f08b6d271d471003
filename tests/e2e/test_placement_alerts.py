# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules and the dashboard that the role placement_monitor ships, judged by the real promtool."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.inference.triton.plugins.module_utils._verification.textfile import metrics
from ansible_collections.inference.triton.tests.unit.plugins.module_utils._verification.looks import (
    GPU_LOST,
    fallen,
    gpus,
    state,
)
from prometheus import fetch

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "roles/placement_monitor/files"
RULES = FILES / "triton_placement.rules.yml"
DASHBOARD = FILES / "triton_placement_dashboard.json"
METRICS = {metric.name for metric in metrics(state(fallen(), gpu=gpus(GPU_LOST)), 60)}
LABELS = {
    name
    for metric in metrics(state(fallen(), gpu=gpus(GPU_LOST)), 60)
    for one in metric.samples
    for name, _ in one.labels
}


def promtool(*arguments: str, cwd: Path = ROOT) -> None:
    done = subprocess.run([fetch().promtool, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def queries() -> list[str]:
    """The expressions of the dashboard, with values for its variables."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return [re.sub(r"\$(job|instance)", ".*", expression) for expression in found]


def test_the_rules_are_good() -> None:
    promtool("check", "rules", str(RULES))


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "tests/prometheus/triton_placement.test.yml")


def test_every_rule_is_tested() -> None:
    tests = (ROOT / "tests/prometheus/triton_placement.test.yml").read_text()
    assert [rule["alert"] for rule in rules() if rule["alert"] not in tests] == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_what_it_is_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}
    assert len(rule["annotations"]["description"]) > 150
    assert "for" in rule


def test_the_rules_and_the_dashboard_use_metrics_that_there_are() -> None:
    used = set()
    for expression in [*(rule["expr"] for rule in rules()), *queries()]:
        used |= set(re.findall(r"\btriton_placement_\w+", expression))
    assert used - METRICS == set()
    assert METRICS - used == set(), "a metric that nothing uses"


def test_the_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    recorded = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(queries())]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    promtool("check", "rules", "rules.yml", cwd=tmp_path)


def test_the_dashboard_can_be_imported_beside_any_source_of_data() -> None:
    board = dashboard()
    assert board["uid"] and board["title"] and board["schemaVersion"] >= 36
    assert "id" not in board, "an id of one Grafana would overwrite another dashboard of the next"
    variables = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    assert variables["datasource"] == "datasource"
    sources = [panel["datasource"] for panel in board["panels"]]
    sources += [target["datasource"] for panel in board["panels"] for target in panel["targets"]]
    assert sources and all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    taken: dict[tuple[int, int], str] = {}
    identifiers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(identifiers) == len(set(identifiers))
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for column in range(place["x"], place["x"] + place["w"]):
            for row in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((column, row), panel["title"]) == panel["title"]
        assert panel["title"] and panel["description"]


def test_the_columns_of_the_tables_are_labels_that_there_are() -> None:
    for panel in dashboard()["panels"]:
        for change in panel.get("transformations", []):
            assert set(change["options"]["indexByName"]) - {"instance"} <= LABELS

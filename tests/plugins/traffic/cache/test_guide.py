"""The examples of the guide are what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from apim_sdk.testing import build
from apim_traffic.cache import Cache
from apim_traffic.cache.purging import subject_of
from apim_traffic.data_cache import DataCache
from support.gateway import configuration, run, serving

GUIDE = (Path(__file__).resolve().parents[4] / "docs/guide/caching.md").read_text()
EXAMPLES = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]
FLOWS = [example["flows"] for example in EXAMPLES if "flows" in example]
STEPS = [step for flows in FLOWS for flow in flows.values() for step in flow]
"""Steps of the recipes, which are those of whole gateways."""


def test_the_first_example_serves(tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)[0]

    async def scenario() -> int:
        async with serving("management: {enabled: false}\n" + text, tmp_path) as served:
            return (await served.get("/orders/1.0/x")).status

    assert configuration(text, tmp_path)
    assert 401 == run(scenario)


def test_the_recipes_are_settings_of_a_cache() -> None:
    assert 4 == len([build(Cache, step["cache"]) for step in STEPS if "cache" in step])


def test_the_values_in_flows_are_settings_of_a_data_cache() -> None:
    steps = [build(DataCache, step["data-cache"]) for step in STEPS if "data-cache" in step]

    assert ["get", "set"] == [step.operation for step in steps]


def test_the_purges_are_purges() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    subjects = [subject_of(json.loads(line)) for line in text.splitlines()]

    assert ["url /orders/1.0/items/5", "tag item-5", "api orders 1.0"] == subjects

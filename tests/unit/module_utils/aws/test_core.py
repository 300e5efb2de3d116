"""Waiting, comparing and tags."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    AwsError,
    Planned,
    given,
    report,
    tag_changes,
    tags_after,
)
from support.scripted_aws import ScriptedAws


def test_until_returns_the_first_answer() -> None:
    script = ScriptedAws()
    answers = iter([None, None, "done"])
    assert script.aws(poll_interval=7).until(lambda: next(answers), "goal") == "done"
    assert script.now == 14


def test_until_names_the_goal_that_was_not_reached() -> None:
    aws = ScriptedAws().aws(wait_timeout=30)
    with pytest.raises(AwsError, match="cluster mlops active: not reached within 30 s"):
        aws.until(lambda: None, "cluster mlops active")


def test_fields_without_value_are_not_managed() -> None:
    assert given(a=1, b=None, c=False, d=[]) == {"a": 1, "c": False, "d": []}


def test_report_leaves_the_keys_of_tags_and_labels_alone() -> None:
    what = Planned("cluster", "AWS::EKS::Cluster", "mlops")
    result = report(what, {"roleArn": "r", "tags": {"CostCentre": "x"}}, {}, {"a": 1})
    assert result == {
        "changed": True,
        "changes": [{"action": "create", "type": "AWS::EKS::Cluster", "name": "mlops"}],
        "cluster": {"role_arn": "r", "tags": {"CostCentre": "x"}},
        "diff": {"before": {}, "after": {"a": 1}},
    }


@pytest.mark.parametrize(
    ("params", "after"),
    [
        ({"tags": None, "purge_tags": True}, None),
        ({"tags": {"b": 2}, "purge_tags": True}, {"aws:a": "1", "b": "2"}),
        ({"tags": {"b": 2}, "purge_tags": False}, {"aws:a": "1", "b": "2", "c": "3"}),
        ({"tags": {}, "purge_tags": True}, {"aws:a": "1"}),
    ],
)
def test_tags_after(params: dict[str, Any], after: dict[str, str] | None) -> None:
    assert tags_after({"aws:a": "1", "c": "3"}, params) == after


def test_tag_changes() -> None:
    assert tag_changes({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "0", "d": "4"}) == (
        {"b": "0", "d": "4"},
        ["c"],
    )

"""ECR repositories against scripted answers of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.ecr import ensure_repository
from support.scripted_aws import ScriptedAws

ARN = "arn:aws:ecr:eu-west-1:123456789012:repository/triton"
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
RULES = {
    "rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}],
}


def params(**changes: Any) -> Fields:
    """Return the module's options for the repository below."""
    return {
        "name": "triton",
        "state": "present",
        "force": False,
        "image_tag_mutability": "IMMUTABLE",
        "scan_on_push": True,
        "lifecycle_policy": RULES,
        "tags": {"Project": "mlops"},
        "purge_tags": True,
        **changes,
    }


def repository(**changes: Any) -> Fields:
    """Return a repository as ECR describes it."""
    return {
        "repositoryArn": ARN,
        "repositoryName": "triton",
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        **changes,
    }


@pytest.fixture
def script() -> Iterator[ScriptedAws]:
    with ScriptedAws() as scripted:
        yield scripted


def expect_description(script: ScriptedAws, **changes: Any) -> None:
    """Expect the repository to be described."""
    answer = {"repositories": [repository(**changes)]}
    script.answer("ecr", "describe_repositories", answer, repositoryNames=["triton"])


def expect_look(
    script: ScriptedAws, policy: Fields | None, tags: dict[str, str], **changes: Any
) -> None:
    """Expect the repository, its tags and its lifecycle policy to be read."""
    expect_description(script, **changes)
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    script.answer("ecr", "list_tags_for_resource", {"tags": tag_list}, resourceArn=ARN)
    if policy is None:
        script.refuse("ecr", "get_lifecycle_policy", "LifecyclePolicyNotFoundException")
    else:
        answer = {"lifecyclePolicyText": json.dumps(policy)}
        script.answer("ecr", "get_lifecycle_policy", answer, repositoryName="triton")


def test_create_sets_the_lifecycle_policy_too(script: ScriptedAws) -> None:
    script.refuse("ecr", "describe_repositories", "RepositoryNotFoundException")
    script.answer(
        "ecr",
        "create_repository",
        {"repository": repository()},
        repositoryName="triton",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": "Project", "Value": "mlops"}],
    )
    script.answer(
        "ecr",
        "put_lifecycle_policy",
        {},
        repositoryName="triton",
        lifecyclePolicyText=json.dumps(RULES, sort_keys=True),
    )
    expect_description(script)
    result = ensure_repository(script.aws(), params())
    assert result["changed"]
    assert result["repository"]["repository_arn"] == ARN


@pytest.mark.parametrize("policy", [None, {"rules": []}])
def test_create_without_policy(script: ScriptedAws, policy: Fields | None) -> None:
    script.refuse("ecr", "describe_repositories", "RepositoryNotFoundException")
    script.stub("ecr").add_response("create_repository", {"repository": repository()})
    if policy:
        expect_description(script)
    result = ensure_repository(script.aws(), params(lifecycle_policy=policy, tags=None))
    assert result["changed"]


def test_check_mode_on_an_empty_account_only_looks(script: ScriptedAws) -> None:
    script.refuse("ecr", "describe_repositories", "RepositoryNotFoundException")
    result = ensure_repository(script.aws(check_mode=True), params())
    assert result["changed"]
    assert result["repository"] == {"repository_name": "triton"}


@pytest.mark.parametrize("options", [{}, {"tags": None, "lifecycle_policy": None}])
@pytest.mark.parametrize("check_mode", [True, False])
def test_second_run_changes_nothing(script: ScriptedAws, options: Fields, check_mode: bool) -> None:
    expect_look(script, RULES, {"Project": "mlops"})
    aws = script.aws(check_mode=check_mode)
    assert not ensure_repository(aws, params(**options))["changed"]


def test_every_difference_is_mended(script: ScriptedAws) -> None:
    expect_look(
        script,
        None,
        {"Project": "other", "old": "1"},
        imageTagMutability="MUTABLE",
        imageScanningConfiguration={"scanOnPush": False},
    )
    script.answer(
        "ecr",
        "put_image_tag_mutability",
        {},
        repositoryName="triton",
        imageTagMutability="IMMUTABLE",
    )
    script.answer(
        "ecr",
        "put_image_scanning_configuration",
        {},
        repositoryName="triton",
        imageScanningConfiguration={"scanOnPush": True},
    )
    script.stub("ecr").add_response("put_lifecycle_policy", {})
    script.answer("ecr", "untag_resource", {}, resourceArn=ARN, tagKeys=["old"])
    tags = [{"Key": "Project", "Value": "mlops"}]
    script.answer("ecr", "tag_resource", {}, resourceArn=ARN, tags=tags)
    expect_description(script)
    assert ensure_repository(script.aws(), params())["changed"]


def test_empty_rules_remove_the_policy(script: ScriptedAws) -> None:
    expect_look(script, RULES, {"Project": "mlops"})
    script.answer("ecr", "delete_lifecycle_policy", {}, repositoryName="triton")
    expect_description(script)
    assert ensure_repository(script.aws(), params(lifecycle_policy={"rules": []}))["changed"]


def test_check_mode_reports_a_change_and_sends_none(script: ScriptedAws) -> None:
    expect_look(script, None, {})
    result = ensure_repository(script.aws(check_mode=True), params())
    assert result["changed"]
    assert result["diff"]["before"]["lifecycle_policy"] == {"rules": []}


@pytest.mark.parametrize("force", [True, False])
def test_delete(script: ScriptedAws, force: bool) -> None:
    expect_description(script)
    script.answer("ecr", "delete_repository", {}, repositoryName="triton", force=force)
    assert ensure_repository(script.aws(), params(state="absent", force=force))["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_absent_repository_needs_no_deletion(script: ScriptedAws, check_mode: bool) -> None:
    script.refuse("ecr", "describe_repositories", "RepositoryNotFoundException")
    aws = script.aws(check_mode=check_mode)
    assert not ensure_repository(aws, params(state="absent"))["changed"]

"""ECR repositories: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    Fields,
    differences,
    given,
    report,
    tag_changes,
    tags_after,
)


def ensure_repository(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a repository."""
    ecr = aws.client("ecr")
    name = params["name"]
    current = describe_repository(ecr, name)
    if params["state"] == "absent":
        if current and not aws.check_mode:
            ecr.delete_repository(repositoryName=name, force=params["force"])
        return report("repository", {}, {"name": name} if current else {}, {})

    view = repository_view(ecr, current) if current else {}
    wanted = given(
        image_tag_mutability=params["image_tag_mutability"],
        scan_on_push=params["scan_on_push"],
        lifecycle_policy=params["lifecycle_policy"],
        tags=tags_after(view.get("tags", {}), params),
    )
    before = {field: view[field] for field in wanted} if current else {}
    changed = differences(before, wanted)
    if not aws.check_mode:
        if current is None:
            current = create_repository(ecr, name, wanted)
            changed &= {"lifecycle_policy"}
        update_repository(ecr, current, before, wanted, changed)
        current = describe_repository(ecr, name) if changed else current
    return report("repository", current or {"repositoryName": name}, before, wanted)


def describe_repository(ecr: Any, name: str) -> Fields | None:
    """Return the repository, or None where there is none."""
    try:
        return ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    except ecr.exceptions.RepositoryNotFoundException:
        return None


def repository_view(ecr: Any, repository: Fields) -> Fields:
    """Return the managed fields of a described repository, under the names of the options."""
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    return {
        "image_tag_mutability": repository["imageTagMutability"],
        "scan_on_push": repository["imageScanningConfiguration"]["scanOnPush"],
        "lifecycle_policy": lifecycle_policy(ecr, repository["repositoryName"]),
        "tags": boto3_tag_list_to_ansible_dict(tags),
    }


def lifecycle_policy(ecr: Any, name: str) -> Fields:
    """Return the lifecycle policy of a repository; one without has no rules."""
    try:
        text = ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return {"rules": []}
    return json.loads(text)


def create_repository(ecr: Any, name: str, wanted: Fields) -> Fields:
    """Create the repository with all that CreateRepository takes: not the lifecycle policy."""
    request = given(
        repositoryName=name,
        imageTagMutability=wanted["image_tag_mutability"],
        imageScanningConfiguration={"scanOnPush": wanted["scan_on_push"]},
        tags=ansible_dict_to_boto3_tag_list(wanted["tags"]) if wanted.get("tags") else None,
    )
    return ecr.create_repository(**request)["repository"]


def update_repository(
    ecr: Any, repository: Fields, before: Fields, wanted: Fields, changed: set[str]
) -> None:
    """Send one call per changed field."""
    name = repository["repositoryName"]
    if "image_tag_mutability" in changed:
        ecr.put_image_tag_mutability(
            repositoryName=name, imageTagMutability=wanted["image_tag_mutability"]
        )
    if "scan_on_push" in changed:
        ecr.put_image_scanning_configuration(
            repositoryName=name, imageScanningConfiguration={"scanOnPush": wanted["scan_on_push"]}
        )
    if "lifecycle_policy" in changed and wanted["lifecycle_policy"]["rules"]:
        text = json.dumps(wanted["lifecycle_policy"], sort_keys=True)
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)
    elif "lifecycle_policy" in changed and before:
        ecr.delete_lifecycle_policy(repositoryName=name)
    if "tags" in changed:
        retag(ecr, repository["repositoryArn"], *tag_changes(before["tags"], wanted["tags"]))


def retag(ecr: Any, arn: str, changed: dict[str, str], removed: list[str]) -> None:
    """Set and remove tags of a repository."""
    if removed:
        ecr.untag_resource(resourceArn=arn, tagKeys=removed)
    if changed:
        ecr.tag_resource(resourceArn=arn, tags=ansible_dict_to_boto3_tag_list(changed))

"""ECR repositories: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .core import (
    Aws,
    Fields,
    Resource,
    converge,
    given,
    tag_changes,
    tags_after,
)


def ensure_repository(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a repository."""
    return converge(Repository(aws, params))


class Repository(Resource):
    """A private repository with its lifecycle policy."""

    kind = "repository"
    type = "AWS::ECR::Repository"

    @property
    def ecr(self) -> Any:
        """Return the client."""
        return self.aws.client("ecr")

    def names(self) -> Fields:
        """Return the name."""
        return {"repository_name": self.params["name"]}

    def find(self) -> Fields | None:
        """Return the repository, or None where there is none."""
        try:
            found = self.ecr.describe_repositories(repositoryNames=[self.params["name"]])
        except self.ecr.exceptions.RepositoryNotFoundException:
            return None
        return found["repositories"][0]

    def view(self, current: Fields) -> Fields:
        """Return mutability, scanning, lifecycle policy and tags."""
        tags = self.ecr.list_tags_for_resource(resourceArn=current["repositoryArn"])["tags"]
        return {
            "image_tag_mutability": current["imageTagMutability"],
            "scan_on_push": current["imageScanningConfiguration"]["scanOnPush"],
            "lifecycle_policy": self.lifecycle_policy(),
            "tags": boto3_tag_list_to_ansible_dict(tags),
        }

    def lifecycle_policy(self) -> Fields:
        """Return the lifecycle policy of the repository; one without has no rules."""
        try:
            answer = self.ecr.get_lifecycle_policy(repositoryName=self.params["name"])
        except self.ecr.exceptions.LifecyclePolicyNotFoundException:
            return {"rules": []}
        return json.loads(answer["lifecyclePolicyText"])

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        return given(
            image_tag_mutability=self.params["image_tag_mutability"],
            scan_on_push=self.params["scan_on_push"],
            lifecycle_policy=self.params["lifecycle_policy"],
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the repository, then set its lifecycle policy."""
        tags = wanted.get("tags")
        request = given(
            repositoryName=self.params["name"],
            imageTagMutability=wanted["image_tag_mutability"],
            imageScanningConfiguration={"scanOnPush": wanted["scan_on_push"]},
            tags=ansible_dict_to_boto3_tag_list(tags) if tags else None,
        )
        created = self.ecr.create_repository(**request)["repository"]
        if "lifecycle_policy" not in wanted:
            return created
        if wanted["lifecycle_policy"]["rules"]:
            self.put_lifecycle_policy(wanted["lifecycle_policy"])
        return self.find() or created

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send one call per changed field."""
        name = {"repositoryName": self.params["name"]}
        if "image_tag_mutability" in changed:
            mutability = wanted["image_tag_mutability"]
            self.ecr.put_image_tag_mutability(**name, imageTagMutability=mutability)
        if "scan_on_push" in changed:
            scanning = {"scanOnPush": wanted["scan_on_push"]}
            self.ecr.put_image_scanning_configuration(**name, imageScanningConfiguration=scanning)
        if "lifecycle_policy" in changed:
            if wanted["lifecycle_policy"]["rules"]:
                self.put_lifecycle_policy(wanted["lifecycle_policy"])
            else:
                self.ecr.delete_lifecycle_policy(**name)
        self.retag(current["repositoryArn"], before.get("tags", {}), wanted.get("tags", {}))
        return self.find() or current

    def put_lifecycle_policy(self, policy: Fields) -> None:
        """Set the lifecycle policy."""
        text = json.dumps(policy, sort_keys=True)
        self.ecr.put_lifecycle_policy(repositoryName=self.params["name"], lifecyclePolicyText=text)

    def retag(self, arn: str, before: dict[str, str], after: dict[str, str]) -> None:
        """Bring the tags of the repository from ``before`` to ``after``."""
        changed, removed = tag_changes(before, after)
        if removed:
            self.ecr.untag_resource(resourceArn=arn, tagKeys=removed)
        if changed:
            self.ecr.tag_resource(resourceArn=arn, tags=ansible_dict_to_boto3_tag_list(changed))

    def delete(self, current: Fields) -> None:
        """Delete the repository, with its images if they are not to stop it."""
        self.ecr.delete_repository(repositoryName=self.params["name"], force=self.params["force"])

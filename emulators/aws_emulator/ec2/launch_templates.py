"""Corrections to moto's launch templates: their tags and their versions."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidLaunchTemplateIdNotFound,
    InvalidLaunchTemplateVersionNotFound,
)
from moto.ec2.models import launch_templates
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.responses import EC2Response
from moto.ec2.utils import parse_user_data


class Template(LaunchTemplate):
    """A launch template of which versions can be deleted; their numbers are not used again."""

    last_number = 0

    def create_version(self, data: dict[str, Any], description: str) -> LaunchTemplateVersion:
        """Add a version; tags of the template itself are no part of it."""
        specifications = data.pop("TagSpecifications", [])
        kept = [each for each in specifications if each["ResourceType"] != "launch-template"]
        data = {**data, "TagSpecifications": kept} if kept else data
        self.last_number += 1
        version = LaunchTemplateVersion(self, self.last_number, data, description)
        self.versions.append(version)
        return version

    def get_version(self, num: Any) -> LaunchTemplateVersion:
        """Return a version by its number, ``$Latest`` or ``$Default``."""
        named = {"$latest": self.latest_version().number, "$default": self.default_version_number}
        number = str(named.get(str(num).lower(), num))
        for version in self.versions:
            if str(version.number) == number:
                return version
        raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=num)

    def default_version(self) -> LaunchTemplateVersion:
        """Return the default version."""
        return self.get_version(self.default_version_number)


class LaunchTemplateCalls(EC2Response):
    """Launch templates whose tags and versions can change."""

    def named_template(self) -> Template:
        """Return the template that the request names."""
        name, template_id = (
            self._get_param("LaunchTemplateName"),
            self._get_param("LaunchTemplateId"),
        )
        if bool(name) == bool(template_id):
            raise EC2ClientError(
                "MissingParameter" if not name else "InvalidParameterCombination",
                "Specify either a launch template ID or a launch template name.",
            )
        found: Template = (
            self.ec2_backend.get_launch_template_by_name(name)
            if name
            else self.ec2_backend.get_launch_template(template_id)
        )
        return found

    def create_launch_template_version(self) -> ActionResult:
        """Begin with the data of the source version, which the request changes."""
        template = self.named_template()
        data = self._get_param("LaunchTemplateData", {})
        if user_data := parse_user_data(data.get("UserData")):
            data["UserData"] = user_data
        if source := self._get_param("SourceVersion"):
            data.update({**template.get_version(source).data, **data})
        return super().create_launch_template_version()

    def modify_launch_template(self) -> ActionResult:
        """Take the default version by the names of the request and of its answer."""
        template = self.named_template()
        version = template.get_version(self._get_param("DefaultVersion"))
        template.default_version_number = version.number
        return self.answer(template)

    def answer(self, template: Template) -> ActionResult:
        """Answer with a template."""
        return ActionResult(
            {
                "LaunchTemplate": {
                    "CreateTime": template.create_time,
                    "CreatedBy": f"arn:{self.partition}:iam::{self.current_account}:root",
                    "DefaultVersionNumber": template.default_version_number,
                    "LatestVersionNumber": template.latest_version_number,
                    "LaunchTemplateId": template.id,
                    "LaunchTemplateName": template.name,
                    "Tags": template.get_tags(),
                }
            }
        )

    def delete_launch_template(self) -> ActionResult:
        """Name what was deleted as EC2 names it."""
        template = self.named_template()
        super().delete_launch_template()
        answer = self.answer(template)
        self.ec2_backend.tags.pop(template.id, None)
        return answer

    def delete_launch_template_versions(self) -> ActionResult:
        """Delete versions, all but the default one."""
        template = self.named_template()
        done, failed = [], []
        for number in self._get_param("Versions", []):
            named = {
                "LaunchTemplateId": template.id,
                "LaunchTemplateName": template.name,
                "VersionNumber": int(number),
            }
            found = [each for each in template.versions if str(each.number) == str(number)]
            if found and not template.is_default(found[0]):
                template.versions.remove(found[0])
                done.append(named)
                continue
            code = "unexpectedError" if found else "launchTemplateVersionDoesNotExist"
            message = f"Version {number} is the default one" if found else f"No version {number}"
            failed.append({**named, "ResponseError": {"Code": code, "Message": message}})
        return ActionResult(
            {
                "SuccessfullyDeletedLaunchTemplateVersions": done,
                "UnsuccessfullyDeletedLaunchTemplateVersions": failed,
            }
        )

    def describe_launch_templates(self) -> ActionResult:
        """Show the present tags, and refuse an id that does not exist."""
        for template_id in self._get_param("LaunchTemplateIds", []):
            if template_id not in self.ec2_backend.launch_templates:
                raise InvalidLaunchTemplateIdNotFound(template_id)
        for template in self.ec2_backend.launch_templates.values():
            template.tags = template.get_tags()
        return super().describe_launch_templates()


def extend() -> None:
    """Let moto make the templates of this module."""
    module: Any = launch_templates
    module.LaunchTemplate = Template

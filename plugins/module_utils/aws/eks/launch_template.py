"""The EC2 launch template of an EKS node group: what its nodes' disk, metadata and tags are like.

EKS takes the AMI, the instance types and the security groups from the node group itself.
"""

from __future__ import annotations

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    listed,
    tag_changes,
)

ROOT_DEVICE = "/dev/xvda"
# What EC2 makes together with an instance, and tags only where the template says so.
TAGGED = ("instance", "network-interface", "volume")
# The fields that are not part of a version's data.
VERSION_FIELDS = {"default_version", "versions"}
LONGEST_NAME = 128


def template_name(cluster: str, nodegroup: str) -> str:
    """Return the name of the launch template of a node group.

    Raises:
        AwsError: it is longer than EC2 allows.
    """
    name = f"{cluster}-{nodegroup}"
    if len(name) > LONGEST_NAME:
        raise AwsError(
            f"launch template {name} has {len(name)} characters, but EC2 allows {LONGEST_NAME}: "
            "shorten the name of the cluster or of the node group"
        )
    return name


def wanted_settings(options: Fields, name: str, tags: dict[str, str]) -> Fields:
    """Return what the option ``launch_template`` and the tags of a node group ask for."""
    return {**options, "http_tokens": "required", "tags": {"Name": name, **tags}}


def data_of(settings: Fields) -> Fields:
    """Return settings as the EC2 API takes them."""
    disk = {
        "DeleteOnTermination": True,
        "Encrypted": settings["disk_encrypted"],
        "VolumeSize": settings["disk_size"],
        "VolumeType": settings["disk_type"],
    }
    if settings["disk_kms_key"]:
        disk["KmsKeyId"] = settings["disk_kms_key"]
    return {
        "BlockDeviceMappings": [{"DeviceName": ROOT_DEVICE, "Ebs": disk}],
        "MetadataOptions": {
            "HttpTokens": settings["http_tokens"],
            "HttpPutResponseHopLimit": settings["http_put_response_hop_limit"],
        },
        "TagSpecifications": [tag_specification(kind, settings["tags"]) for kind in TAGGED],
    }


def tag_specification(resource_type: str, tags: dict[str, str]) -> Fields:
    """Return tags for a type of resource as the EC2 API takes them."""
    pairs = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    return {"ResourceType": resource_type, "Tags": pairs}


def settings_of(data: Fields) -> Fields:
    """Return the settings in the data of a version; what it does not set is None."""
    devices = data.get("BlockDeviceMappings", [])
    disk: Fields = next((d.get("Ebs", {}) for d in devices if d["DeviceName"] == ROOT_DEVICE), {})
    metadata = data.get("MetadataOptions", {})
    return {
        "disk_size": disk.get("VolumeSize"),
        "disk_type": disk.get("VolumeType"),
        "disk_encrypted": disk.get("Encrypted"),
        "disk_kms_key": disk.get("KmsKeyId"),
        "http_tokens": metadata.get("HttpTokens"),
        "http_put_response_hop_limit": metadata.get("HttpPutResponseHopLimit"),
        "tags": common_tags(data.get("TagSpecifications", [])),
    }


def common_tags(specifications: list[Fields]) -> dict[str, str] | None:
    """Return the tags that all of ``TAGGED`` get, or None where these differ."""
    tags = {
        specification["ResourceType"]: {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
        for specification in specifications
    }
    first = tags.get(TAGGED[0])
    return first if tags == dict.fromkeys(TAGGED, first) else None


class LaunchTemplate(Resource):
    """The launch template that belongs to one node group and bears its name.

    ``version`` is the one for the node group to have, known once the template was converged.
    """

    kind = "launch_template"
    type = "AWS::EC2::LaunchTemplate"

    def __init__(
        self, aws: Aws, params: Fields, tags: dict[str, str], in_use: int | None = None
    ) -> None:
        """Take the node group's options, its tags, and the version that its nodes have now."""
        super().__init__(aws, params)
        self.name = template_name(params["cluster_name"], params["name"])
        self.tags = tags
        self.in_use = in_use
        self.version = 1

    def names(self) -> Fields:
        """Return its name."""
        return {"launch_template_name": self.name}

    def find(self) -> Fields | None:
        """Return the template with all of its versions, the latest one last."""
        from botocore.exceptions import ClientError

        try:
            versions = listed(
                self.aws.client("ec2"),
                "describe_launch_template_versions",
                "LaunchTemplateVersions",
                LaunchTemplateName=self.name,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidLaunchTemplateName.NotFoundException":
                return None
            raise
        return {
            "LaunchTemplateId": versions[0]["LaunchTemplateId"],
            "Versions": sorted(versions, key=lambda version: int(version["VersionNumber"])),
        }

    def view(self, current: Fields) -> Fields:
        """Return the settings of the latest version, and which versions there are."""
        versions = current["Versions"]
        default = (each["VersionNumber"] for each in versions if each["DefaultVersion"])
        return {
            **settings_of(versions[-1]["LaunchTemplateData"]),
            "default_version": next(default, None),
            "versions": [version["VersionNumber"] for version in versions],
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set.

        Nodes that nobody waits for may still be replaced, so that an old version is in use.
        """
        settings = wanted_settings(self.params["launch_template"], self.name, self.tags)
        if view:
            differs = any(view[field] != value for field, value in settings.items())
            self.version = view["versions"][-1] + differs
        wanted = {**settings, "default_version": self.version}
        return {**wanted, "versions": [self.version]} if self.aws.wait else wanted

    def create(self, wanted: Fields) -> Fields:
        """Create the template with its first version."""
        template: Fields = self.aws.client("ec2").create_launch_template(
            LaunchTemplateName=self.name,
            LaunchTemplateData=data_of(wanted),
            TagSpecifications=[tag_specification("launch-template", wanted["tags"])],
        )["LaunchTemplate"]
        return template

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Make the latest version the wanted one and the default, and delete those not in use."""
        ec2 = self.aws.client("ec2")
        template = {"LaunchTemplateId": current["LaunchTemplateId"]}
        if changed - VERSION_FIELDS:
            if "tags" in changed:
                self.retag(current["LaunchTemplateId"], before["tags"] or {}, wanted["tags"])
            version = ec2.create_launch_template_version(
                **template, LaunchTemplateData=data_of(wanted)
            )["LaunchTemplateVersion"]
            self.version = version["VersionNumber"]
        if before["default_version"] != self.version:
            ec2.modify_launch_template(**template, DefaultVersion=str(self.version))
        numbers = {version["VersionNumber"] for version in current["Versions"]}
        self.delete_versions(numbers - {self.version, self.in_use})
        return template

    def retag(self, template: str, before: dict[str, str], after: dict[str, str]) -> None:
        """Bring the template's own tags, which are those of its latest version, to ``after``."""
        ec2 = self.aws.client("ec2")
        changed, removed = tag_changes(before, after)
        if removed:
            ec2.delete_tags(Resources=[template], Tags=[{"Key": key} for key in removed])
        if changed:
            tags = tag_specification("launch-template", changed)["Tags"]
            ec2.create_tags(Resources=[template], Tags=tags)

    def delete_versions(self, numbers: set[int]) -> None:
        """Delete versions.

        Raises:
            AwsError: EC2 could not delete one of them.
        """
        if not numbers:
            return
        failures = self.aws.client("ec2").delete_launch_template_versions(
            LaunchTemplateName=self.name, Versions=[str(number) for number in sorted(numbers)]
        )["UnsuccessfullyDeletedLaunchTemplateVersions"]
        for failure in failures:
            raise AwsError(
                f"launch template {self.name}: version {failure['VersionNumber']} is not deleted: "
                f"{failure['ResponseError']['Message']}"
            )

    def release(self) -> None:
        """Delete the version that the nodes had before, once they have the wanted one."""
        if self.in_use is not None:
            self.delete_versions({self.in_use} - {self.version})

    def delete(self, current: Fields) -> None:
        """Delete the template with all of its versions."""
        self.aws.client("ec2").delete_launch_template(LaunchTemplateId=current["LaunchTemplateId"])

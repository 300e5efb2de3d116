"""Launch templates of the emulated EKS, and the Auto Scaling groups that use them."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from moto.autoscaling.models import AutoScalingBackend, autoscaling_backends
from moto.ec2.exceptions import (
    InvalidLaunchTemplateIdNotFound,
    InvalidLaunchTemplateNameNotFoundWithNameError,
    InvalidLaunchTemplateVersionNotFound,
)
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.eks.exceptions import InvalidParameterException
from moto.eks.models import DEFAULT_INSTANCE_TYPES, Nodegroup

from .call import EKSCall
from .versions import release_of

# Auto Scaling wants an image to launch; the emulated instances never boot it.
NODE_IMAGE = "ami-00000000"
DEFAULT_AMI_TYPE = "AL2023_x86_64_STANDARD"
ABSENT = (
    InvalidLaunchTemplateIdNotFound,
    InvalidLaunchTemplateNameNotFoundWithNameError,
    InvalidLaunchTemplateVersionNotFound,
)
# What EKS sets itself, and so does not take from a launch template.
NOT_IN_TEMPLATES = ("HibernationOptions", "IamInstanceProfile", "InstanceMarketOptions")


def group_name(nodegroup: Nodegroup) -> str:
    """Return the name of the Auto Scaling group behind a node group, and of its template."""
    resources: dict[str, Any] = nodegroup.resources
    return str(resources["autoScalingGroups"][0]["name"])


def call(function: Callable[..., Any], **given: Any) -> Any:
    """Call into moto; a required argument that is not given is None, as a request leaves it."""
    parameters = signature(function).parameters.values()
    required = [parameter.name for parameter in parameters if parameter.default is Parameter.empty]
    return function(**{**dict.fromkeys(required), **given})


class NodeLaunch(EKSCall):
    """How nodes come to be: EKS makes a template of its own for an Auto Scaling group."""

    @property
    def autoscaling(self) -> AutoScalingBackend:
        """Return Auto Scaling of the account and region of the request."""
        return autoscaling_backends[self.current_account][self.region]

    def asked_template(self) -> LaunchTemplateVersion | None:
        """Return the version of a launch template that a request names, which must exist."""
        asked = self._get_param("launchTemplate")
        if asked is None:
            return None
        if ("id" in asked) == ("name" in asked):
            raise InvalidParameterException(
                message="Either provide launch template ID or launch template name in the request."
            )
        try:
            template = (
                self.ec2.get_launch_template(asked["id"])
                if "id" in asked
                else self.ec2.get_launch_template_by_name(asked["name"])
            )
            version = template.get_version(asked.get("version", "$Default"))
        except ABSENT as error:
            raise InvalidParameterException(message=str(error.message)) from error
        self.check_template(version)
        return version

    @staticmethod
    def check_template(version: LaunchTemplateVersion) -> None:
        """Refuse a template that sets what EKS sets itself."""
        if taken := [field for field in NOT_IN_TEMPLATES if version.data.get(field)]:
            raise InvalidParameterException(
                message=f"Launch template {version.template.name} should not specify "
                f"{', '.join(taken)}."
            )

    def asked_types(self, template: LaunchTemplateVersion | None) -> list[str]:
        """Return the instance types of a request; a template may have the only one instead."""
        asked: list[str] | None = self._get_param("instanceTypes")
        if not template or not template.instance_type:
            return asked or DEFAULT_INSTANCE_TYPES
        if asked:
            raise InvalidParameterException(
                message="Instance types cannot be specified both in the launch template and in "
                "the request."
            )
        return [template.instance_type]

    def asked_ami_type(self, template: LaunchTemplateVersion | None) -> str:
        """Return the AMI type of a request; with an image of its own it may name no other."""
        if not template or not template.image_id:
            return str(self._get_param("amiType") or DEFAULT_AMI_TYPE)
        self.refuse_with_image("amiType", "version", "releaseVersion")
        return "CUSTOM"

    def refuse_with_image(self, *fields: str) -> None:
        """Refuse what says which image of EKS to take, where a template has an image."""
        if given := [field for field in fields if self._get_param(field)]:
            raise InvalidParameterException(
                message=f"You cannot specify {', '.join(given)} when specifying an image id "
                "within the launch template."
            )

    def asked_release(self, version: str, template: LaunchTemplateVersion | None) -> str:
        """Return the release of the image; that of an image of one's own is its id."""
        if template and template.image_id:
            return str(template.image_id)
        return str(self._get_param("releaseVersion") or release_of(version))

    def check_template_update(self, nodegroup: Any, template: LaunchTemplateVersion | None) -> None:
        """Refuse another template than the one that a node group was made with."""
        current = nodegroup.template
        if template and (not current or template.template.id != current.template.id):
            raise InvalidParameterException(
                message="The launch template of a node group cannot be added or replaced, only "
                "its version can."
            )
        if template and bool(template.image_id) != bool(current.image_id):
            raise InvalidParameterException(
                message="A node group cannot change between an image of its own and one of EKS."
            )
        if nodegroup.ami_type == "CUSTOM":
            self.refuse_with_image("version", "releaseVersion")

    @staticmethod
    def set_template(nodegroup: Any, version: LaunchTemplateVersion) -> None:
        """Let a node group use a version of a launch template."""
        nodegroup.template = version
        nodegroup.launch_template = {
            "id": version.template.id,
            "name": version.template.name,
            "version": str(version.number),
        }

    @staticmethod
    def launch_data(nodegroup: Any) -> dict[str, Any]:
        """Return what the nodes are launched with: the template's data, and what EKS adds."""
        return {
            "ImageId": NODE_IMAGE,
            "InstanceType": (nodegroup.instance_types or DEFAULT_INSTANCE_TYPES)[0],
            **(nodegroup.template.data if nodegroup.template else {}),
        }

    def create_auto_scaling_group(self, nodegroup: Nodegroup) -> None:
        """Create the Auto Scaling group that the node group names, tagged as EKS tags it."""
        name, cluster = group_name(nodegroup), nodegroup.cluster_name
        names = {"eks:cluster-name": cluster, "eks:nodegroup-name": nodegroup.nodegroup_name}
        tags = {
            **names,
            "k8s.io/cluster-autoscaler/enabled": "true",
            f"k8s.io/cluster-autoscaler/{cluster}": "owned",
            f"kubernetes.io/cluster/{cluster}": "owned",
        }
        template = self.ec2.create_launch_template(
            name, "", self.launch_data(nodegroup), {"launch-template": names}
        )
        call(
            self.autoscaling.create_auto_scaling_group,
            name=name,
            launch_template={"LaunchTemplateId": template.id, "Version": "1"},
            min_size=nodegroup.scaling_config["minSize"],
            max_size=nodegroup.scaling_config["maxSize"],
            desired_capacity=nodegroup.scaling_config["desiredSize"],
            vpc_zone_identifier=",".join(nodegroup.subnets),
            load_balancers=[],
            target_group_arns=[],
            tags=[
                {"Key": key, "Value": value, "PropagateAtLaunch": True}
                for key, value in tags.items()
            ],
        )

    def look_at_group(self, nodegroup: Any) -> None:
        """Take over the desired size that an autoscaler has set; see when the group is gone."""
        name = group_name(nodegroup)
        if group := self.autoscaling.autoscaling_groups.get(name):
            nodegroup.scaling_config["desiredSize"] = group.desired_capacity
        elif nodegroup.status == "ACTIVE":
            nodegroup.status = "DEGRADED"
            message = f"We couldn't find the Auto Scaling group {name}"
            issue = {"code": "AutoScalingGroupNotFound", "message": message, "resourceIds": [name]}
            nodegroup.health = {"issues": [issue]}

    def resize_group(self, nodegroup: Nodegroup) -> None:
        """Give the sizes of a node group to its Auto Scaling group."""
        if group := self.autoscaling.autoscaling_groups.get(group_name(nodegroup)):
            sizes = nodegroup.scaling_config
            group.min_size, group.max_size = sizes["minSize"], sizes["maxSize"]
            group.set_desired_capacity(sizes["desiredSize"])

    def replace_nodes(self, nodegroup: Nodegroup) -> None:
        """Launch all nodes anew, from a new version of the template behind the node group."""
        group = self.autoscaling.autoscaling_groups.get(group_name(nodegroup))
        if group is None:
            return
        template = self.ec2.get_launch_template_by_name(group.name)
        newest = template.create_version(self.launch_data(nodegroup), "")
        template.default_version_number = newest.number
        call(
            self.autoscaling.update_auto_scaling_group,
            name=group.name,
            launch_template={"LaunchTemplateId": template.id, "Version": str(newest.number)},
        )
        size = group.desired_capacity
        for capacity in (0, size):
            group.set_desired_capacity(capacity)

    def delete_auto_scaling_group(self, nodegroup: Nodegroup) -> None:
        """Delete the Auto Scaling group with its instances, and the template behind it."""
        name = group_name(nodegroup)
        if name in self.autoscaling.autoscaling_groups:
            self.autoscaling.delete_auto_scaling_group(name)
        if name in self.ec2.launch_template_name_to_ids:
            self.ec2.delete_launch_template(name, None)

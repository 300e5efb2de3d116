"""Corrections to moto's EKS: what it drops, replaces or does not route."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, signature
from typing import Any, cast

import boto3
from moto.autoscaling.models import AutoScalingBackend, autoscaling_backends
from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.exceptions import InvalidSubnetIdError
from moto.ec2.models import ec2_backends
from moto.ec2.models.subnets import Subnet
from moto.eks import urls
from moto.eks.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.eks.models import Nodegroup

from aws_emulator import eks_access, eks_addons, eks_pod_identity
from aws_emulator.eks_access import AccessEntryCalls
from aws_emulator.eks_addons import AddonCalls
from aws_emulator.eks_pod_identity import PodIdentityCalls

UPDATE_PATHS = (
    "{0}/clusters/(?P<name>[^/]+)/updates$",
    "{0}/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$",
)
ENDPOINT_FIELDS = {"endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"}
CREATE_ACCESS_DEFAULTS = {
    "authenticationMode": "CONFIG_MAP",
    "bootstrapClusterCreatorAdminPermissions": True,
}
LOG_TYPES = {"api", "audit", "authenticator", "controllerManager", "scheduler"}
# Auto Scaling wants an image to launch; the emulated instances never boot it.
NODE_IMAGE = "ami-00000000"


@cache
def ami_types() -> list[str]:
    """Return the AMI types that EKS knows, out of botocore's description of the service."""
    shapes = boto3.client("eks", region_name="us-east-1").meta.service_model
    return [str(ami_type) for ami_type in shapes.shape_for("AMITypes").enum]


def logging_of(types: set[str]) -> dict[str, Any]:
    """Return the logging configuration of a cluster which writes these types and no others."""
    halves = {True: types, False: LOG_TYPES - types}
    return {
        "clusterLogging": [
            {"types": sorted(half), "enabled": enabled} for enabled, half in halves.items() if half
        ]
    }


def enabled_types(logging: dict[str, Any] | None) -> set[str]:
    """Return the log types that a logging configuration turns on."""
    setups = (logging or {}).get("clusterLogging", [])
    return {kind for setup in setups if setup["enabled"] for kind in setup["types"]}


def check_scaling(scaling: dict[str, int]) -> None:
    """Refuse sizes that are out of order, as EKS does."""
    low, desired, high = (scaling[size] for size in ("minSize", "desiredSize", "maxSize"))
    if not low <= desired <= high:
        raise InvalidParameterException(
            message=f"Sizes must be minSize <= desiredSize <= maxSize: {scaling}"
        )


def group_name(nodegroup: Nodegroup) -> str:
    """Return the name of the Auto Scaling group behind a node group."""
    resources: dict[str, Any] = nodegroup.resources
    return str(resources["autoScalingGroups"][0]["name"])


def call(function: Callable[..., Any], **given: Any) -> Any:
    """Call into moto; a required argument that is not given is None, as a request leaves it."""
    parameters = signature(function).parameters.values()
    required = [parameter.name for parameter in parameters if parameter.default is Parameter.empty]
    return function(**{**dict.fromkeys(required), **given})


class EKSResponse(AccessEntryCalls, AddonCalls, PodIdentityCalls):
    """moto's EKS with what it lacks: updates that can be described, fields that it drops, parts."""

    def create_cluster(self) -> ActionResult:
        """Keep accessConfig, fill in the defaults of the VPC configuration, check the subnets."""
        vpc = self.cluster_network(self._get_param("resourcesVpcConfig"))
        super().create_cluster()
        cluster = self.named_cluster()
        cluster.resources_vpc_config = vpc
        cluster.logging = logging_of(enabled_types(cluster.logging))
        cluster.access_config = {**CREATE_ACCESS_DEFAULTS, **self._get_param("accessConfig", {})}
        cluster.updates, cluster.access_entries = {}, {}
        cluster.addons, cluster.associations = {}, {}
        return ActionResult({"cluster": cluster})

    def subnets(self, subnet_ids: list[str]) -> list[Subnet]:
        """Return subnets by their ids, all of which must exist."""
        ec2 = ec2_backends[self.current_account][self.region]
        try:
            return ec2.describe_subnets(subnet_ids=subnet_ids)
        except InvalidSubnetIdError as error:
            raise InvalidParameterException(message=str(error.message)) from error

    def cluster_network(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the whole VPC configuration of a request; the subnets must span two zones."""
        subnets = self.subnets(request["subnetIds"])
        if len({subnet.availability_zone for subnet in subnets}) < 2:
            raise InvalidParameterException(
                message="Subnets specified must be in at least two different AZs"
            )
        return {
            "endpointPublicAccess": True,
            "endpointPrivateAccess": False,
            "publicAccessCidrs": ["0.0.0.0/0"],
            "securityGroupIds": [],
            "vpcId": subnets[0].vpc_id,
            **request,
        }

    def update_cluster_config(self) -> ActionResult:
        """Merge one kind of change into the cluster, and answer with an update."""
        cluster = self.named_cluster()
        vpc = self._get_param("resourcesVpcConfig", {})
        changes = {
            "EndpointAccessUpdate": {k: v for k, v in vpc.items() if k in ENDPOINT_FIELDS},
            "VpcConfigUpdate": {k: v for k, v in vpc.items() if k not in ENDPOINT_FIELDS},
            "LoggingUpdate": self._get_param("logging", {}),
            "AccessConfigUpdate": self._get_param("accessConfig", {}),
        }
        kinds = [kind for kind, change in changes.items() if change]
        if len(kinds) != 1:
            raise InvalidParameterException(
                message=f"Only one type of update can be allowed, got: {', '.join(kinds) or 'none'}"
            )
        merged = {**cluster.resources_vpc_config, **vpc}
        if merged == cluster.resources_vpc_config and vpc:
            raise InvalidParameterException(message="Cluster is already at the desired config.")
        if changes["VpcConfigUpdate"]:
            merged = self.cluster_network(merged)
        cluster.resources_vpc_config = merged
        if changes["LoggingUpdate"]:
            cluster.logging = self.merged_logging(cluster.logging, changes["LoggingUpdate"])
        cluster.access_config |= changes["AccessConfigUpdate"]
        return self.update_of(cluster, kinds[0], changes[kinds[0]])

    @staticmethod
    def merged_logging(current: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
        """Return a logging configuration in which the types that the change names are set."""
        named = {kind for setup in change["clusterLogging"] for kind in setup["types"]}
        return logging_of(enabled_types(current) - named | enabled_types(change))

    def update_cluster_version(self) -> ActionResult:
        """Go one minor version up, as EKS allows."""
        cluster = self.named_cluster()
        version = self._get_param("version")
        major, minor = cluster.version.split(".")
        if version != f"{major}.{int(minor) + 1}":
            raise InvalidParameterException(
                message=f"Unsupported Kubernetes minor version update from {cluster.version} "
                f"to {version}"
            )
        cluster.version = version
        return self.update_of(cluster, "VersionUpdate", {"version": version})

    def describe_update(self) -> ActionResult:
        """Answer with an update that an earlier call of this process made."""
        cluster = self.named_cluster()
        update = cluster.updates.get(self._get_param("updateId"))
        if not update:
            raise ResourceNotFoundException(message="No update found for the given ID")
        return ActionResult({"update": update})

    @property
    def autoscaling(self) -> AutoScalingBackend:
        """Return Auto Scaling of the account and region of the request."""
        return autoscaling_backends[self.current_account][self.region]

    def create_nodegroup(self) -> ActionResult:
        """Keep updateConfig, inherit the cluster's version, put an Auto Scaling group behind it."""
        check_scaling(self._get_param("scalingConfig"))
        ami_type = self._get_param("amiType")
        if ami_type and ami_type not in ami_types():
            raise InvalidParameterException(message=f"The AMI type {ami_type} does not exist")
        # An unknown subnet is refused here, before anything is made.
        self.subnets(self._get_param("subnets"))
        super().create_nodegroup()
        cluster = self.named_cluster()
        nodegroup = self.named_nodegroup()
        nodegroup.update_config = self._get_param("updateConfig", {"maxUnavailable": 1})
        nodegroup.version = self._get_param("version") or cluster.version
        self.create_auto_scaling_group(nodegroup)
        return ActionResult({"nodegroup": nodegroup})

    def named_nodegroup(self) -> Any:
        """Return the node group that the path names."""
        return self.eks_backend.describe_nodegroup(
            self._get_param("name"), self._get_param("nodegroupName")
        )

    def create_auto_scaling_group(self, nodegroup: Nodegroup) -> None:
        """Create the Auto Scaling group that the node group names, tagged as EKS tags it."""
        name = group_name(nodegroup)
        cluster = nodegroup.cluster_name
        tags = {
            "eks:cluster-name": cluster,
            "eks:nodegroup-name": nodegroup.nodegroup_name,
            "k8s.io/cluster-autoscaler/enabled": "true",
            f"k8s.io/cluster-autoscaler/{cluster}": "owned",
            f"kubernetes.io/cluster/{cluster}": "owned",
        }
        call(
            self.autoscaling.create_launch_configuration,
            name=name,
            image_id=NODE_IMAGE,
            instance_type=nodegroup.instance_types[0],
        )
        call(
            self.autoscaling.create_auto_scaling_group,
            name=name,
            launch_config_name=name,
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

    def describe_nodegroup(self) -> ActionResult:
        """Report the desired size of the Auto Scaling group, which an autoscaler may have set."""
        nodegroup = self.named_nodegroup()
        group = self.autoscaling.autoscaling_groups[group_name(nodegroup)]
        nodegroup.scaling_config["desiredSize"] = group.desired_capacity
        return ActionResult({"nodegroup": nodegroup})

    def update_nodegroup_config(self) -> ActionResult:
        """Check the sizes, merge updateConfig, pass the sizes on to the Auto Scaling group."""
        cluster = self.named_cluster()
        nodegroup = self.named_nodegroup()
        change = self._get_param("scalingConfig", {})
        check_scaling({**nodegroup.scaling_config, **change})
        kept = nodegroup.update_config
        super().update_nodegroup_config()
        nodegroup.update_config = {**kept, **self._get_param("updateConfig", {})}
        if change:
            group = self.autoscaling.autoscaling_groups[group_name(nodegroup)]
            group.min_size = nodegroup.scaling_config["minSize"]
            group.max_size = nodegroup.scaling_config["maxSize"]
            self.autoscaling.set_desired_capacity(
                group.name, nodegroup.scaling_config["desiredSize"]
            )
        parts = ("labels", "taints", "scalingConfig", "updateConfig")
        asked = {k: v for part in parts for k, v in self._get_param(part, {}).items()}
        return self.update_of(cluster, "ConfigUpdate", asked)

    def delete_nodegroup(self) -> ActionResult:
        """Delete the Auto Scaling group and its instances with the node group."""
        answer = super().delete_nodegroup()
        name = group_name(cast(dict[str, Nodegroup], answer.result)["nodegroup"])
        self.autoscaling.delete_auto_scaling_group(name)
        self.autoscaling.delete_launch_configuration(name)
        return answer

    def asked_tags(self) -> dict[str, str]:
        """Return the tags of what has the ARN in the path."""
        arn = self._extract_arn_from_path()
        clusters: dict[str, Any] = self.eks_backend.clusters
        for cluster in clusters.values():
            tags: dict[str, dict[str, str]] = {
                cluster.arn: cluster.tags,
                **{nodegroup.arn: nodegroup.tags for nodegroup in cluster.nodegroups.values()},
                **{
                    entry["accessEntryArn"]: entry["tags"]
                    for entry in cluster.access_entries.values()
                },
                **{addon["addonArn"]: addon["tags"] for addon in cluster.addons.values()},
                **{each["associationArn"]: each["tags"] for each in cluster.associations.values()},
            }
            if arn in tags:
                return tags[arn]
        raise ResourceNotFoundException(message=f"Resource was not found: {arn}")

    def tag_resource(self) -> ActionResult:
        """Set tags."""
        self.asked_tags().update(self._get_param("tags"))
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """Remove tags."""
        tags = self.asked_tags()
        for key in self.querystring["tagKeys"]:
            tags.pop(key, None)
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """Return tags."""
        return ActionResult({"tags": self.asked_tags()})


def extend() -> None:
    """Route every EKS request, those that moto does not know too, to the class above."""
    paths = (*UPDATE_PATHS, *eks_access.PATHS, *eks_addons.PATHS, *eks_pod_identity.PATHS)
    for path in (*urls.url_paths, *paths):
        urls.url_paths[path] = EKSResponse.dispatch

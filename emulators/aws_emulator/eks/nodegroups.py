"""Node groups of the emulated EKS: what moto drops of them, and what is behind them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.exceptions import InvalidParameterException, ResourceInUseException

from .access_entries import AccessEntryCalls
from .clock import agenda
from .node_checks import (
    check_ami_type,
    check_instance_types,
    check_labels,
    check_scaling,
    check_taints,
    check_version,
)
from .node_launch import NodeLaunch

PATHS = ("{0}/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)/update-version$",)
HEALTH_ISSUE_TAG = "emulator:health-issue"
DEFAULT_SCALING = {"minSize": 1, "desiredSize": 2, "maxSize": 2}
NODE_SERVICE = "ec2.amazonaws.com"


class NodegroupCalls(NodeLaunch, AccessEntryCalls):
    """The calls for node groups, which moto keeps with their cluster."""

    def named_nodegroup(self) -> Any:
        """Return the node group that the path names."""
        return self.eks_backend.describe_nodegroup(
            self._get_param("name"), self._get_param("nodegroupName")
        )

    def create_nodegroup(self) -> ActionResult:
        """Check everything, then keep it all and put an Auto Scaling group behind it."""
        cluster = self.active_cluster()
        template = self.asked_template()
        version = self._get_param("version") or cluster.version
        ami_type = self.asked_ami_type(template)
        types = self.asked_types(template)
        check_version(version, cluster.version)
        check_ami_type(ami_type, version)
        check_instance_types(self.ec2, types, ami_type)
        scaling = {**DEFAULT_SCALING, **self._get_param("scalingConfig", {})}
        check_scaling(scaling)
        check_labels(self._get_param("labels", {}))
        check_taints(self._get_param("taints", []))
        self.check_places(cluster)
        self.check_node_role(self._get_param("nodeRole"))
        super().create_nodegroup()
        nodegroup = self.named_nodegroup()
        nodegroup.ami_type, nodegroup.version = ami_type, version
        nodegroup.release_version = self.asked_release(version, template)
        nodegroup.scaling_config = scaling
        nodegroup.instance_types = None if template and template.instance_type else types
        nodegroup.update_config = self._get_param("updateConfig", {"maxUnavailable": 1})
        nodegroup.remote_access = self._get_param("remoteAccess")
        nodegroup.health = {"issues": self.asked_issues()}
        nodegroup.status = "CREATING"
        if not nodegroup.remote_access:
            del nodegroup.resources["remoteAccessSecurityGroup"]
        nodegroup.template = None
        if template:
            self.set_template(nodegroup, template)
            nodegroup.disk_size = None
        self.create_auto_scaling_group(nodegroup)

        def done() -> None:
            nodegroup.status = "CREATE_FAILED" if nodegroup.health["issues"] else "ACTIVE"

        agenda.after("nodegroup", done)
        self.let_nodes_in(cluster, nodegroup.node_role)
        return ActionResult({"nodegroup": nodegroup})

    def asked_issues(self) -> list[dict[str, Any]]:
        """Return the health issues that a test asks for by a tag on the node group."""
        code = self._get_param("tags", {}).get(HEALTH_ISSUE_TAG)
        message = f"The tag {HEALTH_ISSUE_TAG} asks for this issue"
        return [{"code": code, "message": message, "resourceIds": []}] if code else []

    def check_places(self, cluster: Any) -> None:
        """Refuse subnets that do not exist, or are not in the cluster's VPC."""
        for subnet in self.subnets(self._get_param("subnets")):
            if subnet.vpc_id != cluster.resources_vpc_config["vpcId"]:
                raise InvalidParameterException(
                    message=f"Subnet {subnet.id} is not in the VPC of cluster {cluster.name}"
                )

    def check_node_role(self, arn: str) -> None:
        """Refuse a role that does not exist, or that EC2 may not assume."""
        self.check_role(arn)
        if not self.trusts(arn, NODE_SERVICE):
            raise InvalidParameterException(
                message=f"Following required service principals [{NODE_SERVICE}] were not found "
                f"in the trust relationships of nodeRole {arn}"
            )

    def describe_nodegroup(self) -> ActionResult:
        """Look at the Auto Scaling group first."""
        nodegroup = self.named_nodegroup()
        self.look_at_group(nodegroup)
        return ActionResult({"nodegroup": nodegroup})

    def list_nodegroups(self) -> ActionResult:
        """Return the names of the node groups."""
        return self.page("nodegroups", list(self.named_cluster().nodegroups))

    def idle_nodegroup(self, what: str) -> Any:
        """Return the node group that the path names, of which nothing is in progress."""
        nodegroup = self.named_nodegroup()
        name = nodegroup.nodegroup_name
        self.refuse_during_update(what, nodegroupName=name)
        if nodegroup.status in ("CREATING", "DELETING"):
            raise ResourceInUseException(
                clusterName=nodegroup.cluster_name,
                nodegroupName=name,
                message=f"Nodegroup {name} cannot be updated as it is currently not in Active "
                f"State: {nodegroup.status}",
            )
        return nodegroup

    def update_nodegroup_config(self) -> ActionResult:
        """Check the change, and pass sizes on to the Auto Scaling group."""
        nodegroup = self.idle_nodegroup("ConfigUpdate")
        change = self._get_param("scalingConfig", {})
        self.look_at_group(nodegroup)
        check_scaling({**nodegroup.scaling_config, **change})
        check_labels(self._get_param("labels", {}).get("addOrUpdateLabels", {}))
        check_taints(self._get_param("taints", {}).get("addOrUpdateTaints", []))

        def finish() -> None:
            self.look_at_group(nodegroup)
            super(NodegroupCalls, self).update_nodegroup_config()
            if change:
                self.resize_group(nodegroup)

        parts = ("labels", "taints", "scalingConfig", "updateConfig")
        asked = {k: v for part in parts for k, v in self._get_param(part, {}).items()}
        name = nodegroup.nodegroup_name
        return self.start_update(nodegroup, "ConfigUpdate", asked, finish, nodegroupName=name)

    def update_nodegroup_version(self) -> ActionResult:
        """Give the nodes another version of Kubernetes, of their image or of their template."""
        nodegroup, cluster = self.idle_nodegroup("VersionUpdate"), self.named_cluster()
        template = self.asked_template()
        self.check_template_update(nodegroup, template)
        version = self._get_param("version") or nodegroup.version
        check_version(version, cluster.version, nodegroup.version)
        release = self.asked_release(version, template or nodegroup.template)

        def finish() -> None:
            nodegroup.version, nodegroup.release_version = version, release
            nodegroup.modified_at = utcnow()
            if template:
                self.set_template(nodegroup, template)
            self.replace_nodes(nodegroup)

        change = {"version": version, "releaseVersion": release}
        if template:
            change["launchTemplateName"] = template.template.name
            change["launchTemplateVersion"] = str(template.number)
        name = nodegroup.nodegroup_name
        return self.start_update(nodegroup, "VersionUpdate", change, finish, nodegroupName=name)

    def delete_nodegroup(self) -> ActionResult:
        """Delete the node group; its Auto Scaling group, instances and updates go with it."""
        nodegroup, cluster = self.named_nodegroup(), self.named_cluster()
        name = nodegroup.nodegroup_name
        self.refuse_during_update("delete", nodegroupName=name)
        if nodegroup.status == "DELETING":
            return ActionResult({"nodegroup": nodegroup})

        def done() -> None:
            super(NodegroupCalls, self).delete_nodegroup()
            self.delete_auto_scaling_group(nodegroup)
            self.forget_updates(cluster, nodegroupName=name)

        nodegroup.status = "DELETING"
        agenda.after("nodegroup", done)
        return ActionResult({"nodegroup": nodegroup})

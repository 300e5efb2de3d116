"""EKS node groups: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

from ..core import (
    Aws,
    Fields,
    Resource,
    converge,
    converge_found,
    given,
)
from ..gpu_capacity import (
    check_gpu_capacity,
    demand_of,
    zones_of,
)
from ..iam.role import role_arn
from .common import (
    check_fixed,
    check_role,
    describe_cluster,
    issues_of,
    look_up,
    retag,
    unhealthy,
    wait_for,
    wait_for_cluster,
    wait_for_update,
)
from .launch_template import (
    LaunchTemplate,
    template_name,
)
from .node_template_tags import (
    node_template_tags,
    set_node_template_tags,
)
from .nodegroup_fields import (
    FIXED_FIELDS,
    check_node_version,
    check_options,
    config_request,
    creation_request,
    group_name,
    nodegroup_view,
    version_in_use,
    version_request,
    wanted_nodegroup,
    wanted_template_tags,
)

READY = {"ACTIVE", "DEGRADED"}
UNDER_WAY = {"CREATING", "UPDATING"}
# A node group in such a state takes no update: it is cleared away and created anew.
REMAINS = {"CREATE_FAILED", "DELETE_FAILED", "DELETING"}
OTHER_NAME = "make a node group of another name, then delete this one"


def ensure_nodegroup(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a node group with its launch template.

    Raises:
        AwsError: EKS reports a failure, or what is asked for cannot be reached by an update.
    """
    nodegroup = Nodegroup(aws, params)
    current = nodegroup.find()
    if params["state"] == "absent":
        result = converge_found(nodegroup, current)
        # The nodes need the template until they are gone.
        gone = current is None or aws.wait or aws.check_mode
        return together(result, converge(LaunchTemplate(aws, params, {}))) if gone else result

    nodegroup.prepare(current)
    if params["launch_template"] is None:
        return converge_found(nodegroup, current)
    template = LaunchTemplate(aws, params, nodegroup.tags(current), version_in_use(current))
    prepared = converge(template)
    nodegroup.template_version = str(template.version)
    result = converge_found(nodegroup, current)
    if aws.wait and not aws.check_mode:
        template.release()
    return together(result, prepared)


def together(nodegroup: Fields, template: Fields) -> Fields:
    """Return the result for a node group, with what was done to its launch template."""
    # The order in which they change: a template is made before its nodes, and outlives them.
    first, second = (template, nodegroup) if nodegroup["nodegroup"] else (nodegroup, template)
    diff = {
        moment: {**fields, **given(launch_template=template["diff"][moment] or None)}
        for moment, fields in nodegroup["diff"].items()
    }
    return {
        **nodegroup,
        "changed": nodegroup["changed"] or template["changed"],
        "changes": first["changes"] + second["changes"],
        "diff": diff,
    }


class Nodegroup(Resource):
    """A node group of a cluster.

    ``template_version`` is the version of its launch template to have, where it has one.
    """

    kind = "nodegroup"
    type = "AWS::EKS::Nodegroup"

    def __init__(self, aws: Aws, params: Fields) -> None:
        super().__init__(aws, params)
        self.template_version: str | None = None
        # What a creation needs of cluster and IAM, once ``prepare`` has found it.
        self.surroundings: Fields = {}

    def names(self) -> Fields:
        """Return cluster and node group."""
        return {"cluster_name": self.params["cluster_name"], "nodegroup_name": self.params["name"]}

    def request(self) -> dict[str, str]:
        """Return the same under the names of the EKS API."""
        return {"clusterName": self.params["cluster_name"], "nodegroupName": self.params["name"]}

    def title(self) -> str:
        """Return what messages call the node group."""
        return f"node group {self.params['name']}"

    def describe(self) -> Fields | None:
        """Return the node group as it is now."""
        return look_up(self.aws, "describe_nodegroup", "nodegroup", **self.request())

    def find(self) -> Fields | None:
        """Return a node group that takes updates; wait for it, and clear a failed one away."""
        nodegroup = self.describe()
        if nodegroup is None or self.params["state"] == "absent":
            return nodegroup
        if nodegroup["status"] in REMAINS:
            if not self.aws.check_mode:
                self.clear(nodegroup)
            return None
        return self.settled(nodegroup) if self.aws.wait else nodegroup

    def settled(self, nodegroup: Fields) -> Fields:
        """Return the node group once nothing is under way any more; check mode does not wait."""
        return nodegroup if nodegroup["status"] in READY or self.aws.check_mode else self.wait()

    def prepare(self, current: Fields | None) -> None:
        """Find what a creation needs, and refuse what cannot be, before anything is written.

        Raises:
            AwsError: an option asks for what EKS does not do.
        """
        check_options(self.params)
        view = nodegroup_view(current) if current else {}
        if current:
            check_role(current["nodeRole"], self.params["node_role"])
            wanted = self.wanted(view)
            fixed = {*FIXED_FIELDS, "launch_template_name"}
            check_fixed(self.title(), view, wanted, fixed, OTHER_NAME)
        cluster = self.cluster(current)
        if self.params["version"]:
            newest = cluster["version"] if cluster else None
            check_node_version(self.params["version"], view.get("version"), newest)
        if current is None and cluster:
            self.surroundings = {
                "subnets": cluster["resourcesVpcConfig"]["subnetIds"],
                "nodeRole": role_arn(self.aws, self.params["node_role"], "node_role"),
            }
        if self.params["check_gpu_capacity"] and self.params["max_size"] > view.get("max_size", 0):
            subnets = self.surroundings.get("subnets")
            subnets = self.params["subnet_ids"] or view.get("subnet_ids") or subnets
            zones = zones_of(self.aws, subnets) if subnets else None
            check_gpu_capacity(self.aws, demand_of(self.params), zones)

    def cluster(self, current: Fields | None) -> Fields | None:
        """Return the cluster, where a creation or a change of version needs it.

        In check mode it may not exist yet, or be about to get the version that the nodes get.
        """
        name, version = self.params["cluster_name"], self.params["version"]
        if self.aws.check_mode:
            return None
        if current is None:
            return wait_for_cluster(self.aws, name)
        changes = version and version != current["version"]
        return describe_cluster(self.aws, name) if changes else None

    def view(self, current: Fields) -> Fields:
        """Return the managed fields, with those of the Auto Scaling group where it is managed."""
        view = nodegroup_view(current)
        group = group_name(current)
        if self.params["node_template_tags"] and group:
            view["node_template_tags"] = node_template_tags(self.aws, group)
        return view

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set; only a finished node group has tags for the autoscaler."""
        params = self.params
        wanted = wanted_nodegroup(params, view)
        if params["launch_template"]:
            name = template_name(params["cluster_name"], params["name"])
            template = given(
                launch_template_name=name, launch_template_version=self.template_version
            )
            wanted.update(template)
        finished = "node_template_tags" in view if view else self.aws.wait
        if params["node_template_tags"] and finished:
            wanted["node_template_tags"] = wanted_template_tags(params, wanted, view)
        return wanted

    def tags(self, current: Fields | None) -> dict[str, str]:
        """Return the tags that the node group is to have, set by an option or not."""
        view = nodegroup_view(current) if current else {}
        return {**view, **self.wanted(view)}.get("tags", {})

    def create(self, wanted: Fields) -> Fields:
        """Create the node group, and wait for it where asked to."""
        request = {**self.surroundings, **self.request(), **creation_request(wanted)}
        nodegroup: Fields = self.aws.client("eks").create_nodegroup(**request)["nodegroup"]
        if self.aws.wait:
            nodegroup = self.wait()
            self.set_template_tags(nodegroup, {}, wanted)
        return nodegroup

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send one update of the configuration and one that replaces the nodes, then the tags."""
        eks = self.aws.client("eks")
        updates = [
            (eks.update_nodegroup_config, config_request(before, wanted, changed)),
            (eks.update_nodegroup_version, version_request(wanted, changed)),
        ]
        for call, change in updates:
            if change:
                # EKS makes one update at a time.
                current = self.settled(current)
                update = call(**self.request(), **change)["update"]
                current = {**current, "status": "UPDATING"}
                if self.aws.wait:
                    name, nodegroup = self.request().values()
                    wait_for_update(self.aws, update, name=name, nodegroupName=nodegroup)
        self.set_template_tags(current, before, wanted)
        retag(self.aws, current["nodegroupArn"], before.get("tags", {}), wanted.get("tags", {}))
        return self.wait() if self.aws.wait else self.describe() or current

    def set_template_tags(self, nodegroup: Fields, before: Fields, wanted: Fields) -> None:
        """Bring the tags for the autoscaler to the wanted ones."""
        group = group_name(nodegroup)
        if group and "node_template_tags" in wanted:
            old = before.get("node_template_tags", {})
            set_node_template_tags(self.aws, group, old, wanted["node_template_tags"])

    def wait(self) -> Fields:
        """Return the node group once it takes updates.

        While EKS creates a node group it goes on trying for a long time, so the first health issue
        ends the wait.

        Raises:
            AwsError: EKS reports health issues or a failure, or it takes too long.
        """
        return wait_for(
            self.aws,
            self.title(),
            self.describe,
            READY,
            lambda group: (
                group["status"] == "UPDATING"
                or (group["status"] == "CREATING" and not issues_of(group))
            ),
        )

    def delete(self, current: Fields) -> None:
        """Delete the node group, and wait for its end where asked to."""
        if self.aws.wait:
            self.clear(current)
        else:
            self.start_deletion(current)

    def start_deletion(self, nodegroup: Fields) -> None:
        """Have the node group deleted, which EKS refuses while it creates or updates it."""

        def idle() -> Fields | None:
            found = self.describe() or {"status": "DELETING"}
            return None if found["status"] in UNDER_WAY else found

        if nodegroup["status"] in UNDER_WAY:
            nodegroup = self.aws.until(idle, f"{self.title()} ready to be deleted")
        if nodegroup["status"] != "DELETING":
            self.aws.client("eks").delete_nodegroup(**self.request())

    def clear(self, nodegroup: Fields) -> None:
        """Delete the node group, and wait for its end.

        Raises:
            AwsError: EKS could not delete it; the health issues say why.
        """
        self.start_deletion(nodegroup)

        def gone() -> bool | None:
            found = self.describe()
            if found and found["status"] == "DELETE_FAILED":
                raise unhealthy(self.title(), found)
            return None if found else True

        self.aws.until(gone, f"{self.title()} deleted")

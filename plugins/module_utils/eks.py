"""EKS clusters: what is there, what is wanted, and the calls that lead from one to the other."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    Aws,
    AwsError,
    AwsTimeoutError,
    Fields,
    Planned,
    differences,
    given,
    listed,
    report,
    sorted_or_none,
    tag_changes,
    tags_after,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.iam_role import role_arn

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
# EKS takes one kind of update at a time; these are the fields that go together.
ENDPOINT_FIELDS = {
    "endpoint_private_access": "endpointPrivateAccess",
    "endpoint_public_access": "endpointPublicAccess",
    "public_access_cidrs": "publicAccessCidrs",
}
NETWORK_FIELDS = {"subnet_ids": "subnetIds", "security_group_ids": "securityGroupIds"}


def ensure_cluster(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a cluster.

    Raises:
        AwsError: EKS reports a failure, or what is asked for cannot be reached by an update.
    """
    name = params["name"]
    what = Planned("cluster", "AWS::EKS::Cluster", name)
    current = describe_cluster(aws, name)
    if params["state"] == "absent":
        if current and not aws.check_mode:
            delete_cluster(aws, name, current)
        return report(what, {}, {"name": name} if current else {}, {})

    subnet_ids = params["subnet_ids"] or find_subnets(aws, params["subnet_filters"])
    wanted = wanted_cluster(params, subnet_ids, current or {})
    if current is None:
        if not aws.check_mode:
            current = create_cluster(aws, params, wanted)
        return report(what, current or planned_cluster(params), {}, wanted)

    if not aws.check_mode:
        current = wait_for_cluster(aws, name)
    view = cluster_view(current)
    check_role(view["role"], params["role"])
    before = {field: view[field] for field in wanted}
    changed = differences(before, wanted)
    if "version" in changed:
        check_version_step(view["version"], params["version"])
    if changed and not aws.check_mode:
        update_cluster(aws, name, wanted, changed)
        retag(aws, current["arn"], before.get("tags", {}), wanted.get("tags", {}))
        current = wait_for_cluster(aws, name)
    return report(what, current, before, wanted)


def describe_cluster(aws: Aws, name: str) -> Fields | None:
    """Return the cluster, or None where there is none."""
    return look_up(aws, "describe_cluster", "cluster", name=name)


def look_up(aws: Aws, method: str, key: str, **names: str) -> Fields | None:
    """Return what EKS describes under a key, or None where it or its cluster does not exist."""
    eks = aws.client("eks")
    try:
        return getattr(eks, method)(**names)[key]
    except eks.exceptions.ResourceNotFoundException:
        return None


def cluster_view(cluster: Fields) -> Fields:
    """Return the managed fields of a described cluster, under the names of the module's options."""
    network = cluster["resourcesVpcConfig"]
    fields = {**ENDPOINT_FIELDS, **NETWORK_FIELDS}
    view = {field: network.get(key) for field, key in fields.items()}
    for field in ("subnet_ids", "security_group_ids", "public_access_cidrs"):
        view[field] = sorted(view[field] or [])
    setups = cluster.get("logging", {}).get("clusterLogging", [])
    return {
        **view,
        "role": cluster["roleArn"],
        "version": cluster["version"],
        "logging": sorted(kind for setup in setups if setup["enabled"] for kind in setup["types"]),
        "authentication_mode": cluster.get("accessConfig", {}).get("authenticationMode"),
        "tags": cluster.get("tags", {}),
    }


def wanted_cluster(params: Fields, subnet_ids: list[str], current: Fields) -> Fields:
    """Return the fields that the options set, comparable with a view of the cluster."""
    public = params["endpoint_public_access"]
    return given(
        version=params["version"],
        subnet_ids=sorted(subnet_ids),
        security_group_ids=sorted_or_none(params["security_group_ids"]),
        endpoint_private_access=params["endpoint_private_access"],
        endpoint_public_access=public,
        # EKS keeps the ranges of a public endpoint that is off, and takes no new ones.
        public_access_cidrs=sorted_or_none(params["public_access_cidrs"]) if public else None,
        logging=sorted_or_none(params["logging"]),
        authentication_mode=params["authentication_mode"],
        tags=tags_after(current.get("tags", {}), params),
    )


def find_subnets(aws: Aws, filters: dict[str, str]) -> list[str]:
    """Return the ids of the subnets that EC2 filters find; in check mode there may be none yet.

    Raises:
        AwsError: they are not in at least two zones of one VPC.
    """
    request = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    subnets = listed(aws.client("ec2"), "describe_subnets", "Subnets", Filters=request)
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    vpcs = {subnet["VpcId"] for subnet in subnets}
    if not subnets and aws.check_mode:
        return []
    if len(zones) < 2 or len(vpcs) != 1:
        raise AwsError(
            f"subnet_filters {filters} find {len(subnets)} subnets in zones {sorted(zones)} "
            f"of VPCs {sorted(vpcs)}; EKS needs subnets of one VPC in at least two zones"
        )
    return [subnet["SubnetId"] for subnet in subnets]


def planned_cluster(params: Fields) -> Fields:
    """Return what check mode can say of a cluster that does not exist yet."""
    return {"name": params["name"], "status": "PLANNED", "version": params["version"]}


def request_part(wanted: Fields, names: dict[str, str]) -> Fields:
    """Return those wanted fields that ``names`` lists, under the names of the EKS API."""
    return {key: wanted[field] for field, key in names.items() if field in wanted}


def logging_request(types: list[str]) -> Fields:
    """Return the logging setup that writes these types and stops all others."""
    others = [kind for kind in LOG_TYPES if kind not in types]
    setups = [{"types": types, "enabled": True}, {"types": others, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def create_cluster(aws: Aws, params: Fields, wanted: Fields) -> Fields:
    """Create the cluster, and wait for it where asked to."""
    request = given(
        name=params["name"],
        version=params["version"],
        roleArn=role_arn(aws, params["role"]),
        resourcesVpcConfig=request_part(wanted, {**NETWORK_FIELDS, **ENDPOINT_FIELDS}),
        logging=logging_request(wanted["logging"]) if "logging" in wanted else None,
        accessConfig={"authenticationMode": params["authentication_mode"]}
        if params["authentication_mode"]
        else None,
        tags=wanted.get("tags"),
    )
    cluster = aws.client("eks").create_cluster(**request)["cluster"]
    return wait_for_cluster(aws, params["name"]) if aws.wait else cluster


def update_cluster(aws: Aws, name: str, wanted: Fields, changed: set[str]) -> None:
    """Send one update per kind of change, each after the one before is done."""
    eks = aws.client("eks")
    if "version" in changed:
        update = eks.update_cluster_version(name=name, version=wanted["version"])["update"]
        wait_for_update(aws, update, name=name)
    changes: list[Fields] = []
    if changed & set(ENDPOINT_FIELDS):
        changes.append({"resourcesVpcConfig": request_part(wanted, ENDPOINT_FIELDS)})
    if changed & set(NETWORK_FIELDS):
        changes.append({"resourcesVpcConfig": request_part(wanted, NETWORK_FIELDS)})
    if "logging" in changed:
        changes.append({"logging": logging_request(wanted["logging"])})
    if "authentication_mode" in changed:
        changes.append({"accessConfig": {"authenticationMode": wanted["authentication_mode"]}})
    for change in changes:
        wait_for_update(aws, eks.update_cluster_config(name=name, **change)["update"], name=name)


def delete_cluster(aws: Aws, name: str, current: Fields) -> None:
    """Delete the cluster unless it is being deleted, and wait for its end where asked to."""
    if current["status"] != "DELETING":
        aws.client("eks").delete_cluster(name=name)
    if aws.wait:
        aws.until(lambda: None if describe_cluster(aws, name) else True, f"cluster {name} deleted")


def wait_for_cluster(aws: Aws, name: str) -> Fields:
    """Return the cluster once it is active.

    Raises:
        AwsError: it failed, is being deleted, or does not become active in time.
    """
    return wait_for(
        aws,
        f"cluster {name}",
        lambda: describe_cluster(aws, name),
        {"ACTIVE"},
        lambda cluster: cluster["status"] in ("CREATING", "UPDATING", "PENDING"),
    )


def wait_for(
    aws: Aws,
    what: str,
    find: Callable[[], Fields | None],
    ready: set[str],
    hopeful: Callable[[Fields], bool],
) -> Fields:
    """Return a resource once its status is one of ``ready``, looking on while it is ``hopeful``.

    Raises:
        AwsError: there is no hope or no time left; what EKS reports on it is in the message.
    """
    latest: Fields | None = None

    def settled() -> Fields | None:
        nonlocal latest
        latest = find()
        if latest and latest["status"] in ready:
            return latest
        if latest and hopeful(latest):
            return None
        raise unhealthy(what, latest)

    try:
        return aws.until(settled, f"{what} active")
    except AwsTimeoutError as late:
        reason = unhealthy(what, latest)
        raise AwsError(f"{late}; {reason}", **reason.details) from late


def issues_of(resource: Fields | None) -> list[Fields]:
    """Return the health issues that EKS reports on a resource."""
    return (resource or {}).get("health", {}).get("issues", [])


def unhealthy(what: str, resource: Fields | None) -> AwsError:
    """Return an error that says what EKS reports on a resource."""
    issues = issues_of(resource)
    reasons = "; ".join(f"{issue['code']}: {issue['message']}" for issue in issues)
    status = resource["status"] if resource else "absent"
    return AwsError(f"{what} is {status}: {reasons or 'no reason given'}", issues=issues)


def wait_for_update(aws: Aws, update: Fields, **target: str) -> None:
    """Wait until an update of ``target`` (name, and nodegroupName for a node group) is done.

    Raises:
        AwsError: the update failed or was cancelled; its errors are in the message.
    """
    eks = aws.client("eks")

    def done() -> bool | None:
        state = eks.describe_update(updateId=update["id"], **target)["update"]
        if state["status"] == "InProgress":
            return None
        if state["status"] == "Successful":
            return True
        errors = "; ".join(error["errorMessage"] for error in state.get("errors", []))
        raise AwsError(f"{state['type']} of {target} is {state['status']}: {errors}")

    aws.until(done, f"{update['type']} of {target}")


def retag(aws: Aws, arn: str, before: dict[str, str], after: dict[str, str]) -> None:
    """Bring the tags of what has this ARN from ``before`` to ``after``."""
    changed, removed = tag_changes(before, after)
    if removed:
        aws.client("eks").untag_resource(resourceArn=arn, tagKeys=removed)
    if changed:
        aws.client("eks").tag_resource(resourceArn=arn, tags=changed)


def check_fixed(what: str, before: Fields, wanted: Fields, fields: set[str], advice: str) -> None:
    """Refuse a change of fields that EKS fixes when it creates a resource.

    Raises:
        AwsError: one of them is to change.
    """
    fixed = sorted(differences(before, wanted) & fields) if before else []
    if fixed:
        lines = [f"{field}: {before[field]} to {wanted[field]}" for field in fixed]
        raise AwsError(f"{what}: EKS cannot change {', '.join(lines)}; {advice}")


def check_role(current: str, wanted: str) -> None:
    """Refuse another role than the one that the cluster or node group was made with.

    Raises:
        AwsError: EKS cannot change a role.
    """
    if wanted not in (current, current.rpartition("/")[2]):
        raise AwsError(f"role: EKS cannot change {current} to {wanted}")


def check_version_step(current: str, wanted: str) -> None:
    """Refuse a change of version that EKS does not make.

    Raises:
        AwsError: it is not one minor version up.
    """
    major, minor = current.split(".")
    following = f"{major}.{int(minor) + 1}"
    if wanted != following:
        raise AwsError(f"version: EKS goes from {current} to {following} only, not to {wanted}")

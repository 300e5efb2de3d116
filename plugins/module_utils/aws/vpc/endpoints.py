"""The endpoints through which a VPC reaches services of AWS without the internet."""

from __future__ import annotations

from typing import Any

from ..core import (
    AwsError,
    Fields,
    listed,
)
from .network import (
    Kind,
    Network,
    name_of,
)
from .subnets import zones_of

ENDPOINT = Kind("AWS::EC2::VPCEndpoint", "vpc-endpoint", "VpcEndpointId")
SECURITY_GROUP = Kind("AWS::EC2::SecurityGroup", "security-group", "GroupId")
SERVICES = [
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "logs",
    "sts",
]
# States of an endpoint that will not work any more.
FAILED = {"rejected", "failed", "expired"}


def service_name(network: Network, service: str) -> str:
    """Return the full name of a service in the region."""
    return f"com.amazonaws.{network.region}.{service}"


def state_of(endpoint: Fields) -> str:
    """Return the state of an endpoint; EC2 and its documentation write it in different cases."""
    return str(endpoint["State"]).lower()


def find_endpoints(network: Network) -> list[Fields]:
    """Return the endpoints of the VPC.

    Waits until none is being deleted: till then it holds its name in the VPC's DNS, its network
    interfaces and their security group.
    """

    def settled() -> list[Fields] | None:
        endpoints = network.parts("describe_vpc_endpoints", "VpcEndpoints")
        if "deleting" in map(state_of, endpoints) and not network.aws.check_mode:
            return None
        return [item for item in endpoints if state_of(item) not in ("deleting", "deleted")]

    return network.aws.until(settled, f"endpoints of {network.name} deleted")


def endpoints_by_service(endpoints: list[Fields]) -> dict[str, Fields]:
    """Return the endpoints that are there or coming by the full names of their services."""
    return {
        endpoint["ServiceName"]: endpoint
        for endpoint in endpoints
        if state_of(endpoint) not in FAILED
    }


def ensure_s3_endpoint(network: Network, endpoints: list[Fields], tables: list[str]) -> None:
    """Create the gateway endpoint for S3, or add it to route tables that lack it."""
    service = service_name(network, "s3")
    found = endpoints_by_service(endpoints).get(service)
    current = found["RouteTableIds"] if found else []
    missing = [table for table in tables if table not in current]

    def create(**tags: list[Fields]) -> Fields:
        return create_endpoint(network, service, "Gateway", RouteTableIds=tables, **tags)

    endpoint = network.keep(
        ENDPOINT,
        f"{network.name}-s3",
        found,
        {"route_tables": sorted(current)},
        {"route_tables": sorted({*current, *tables})},
        create,
    )
    if found and missing and not network.aws.check_mode:
        network.call("modify_vpc_endpoint", VpcEndpointId=endpoint, AddRouteTableIds=missing)


def create_endpoint(network: Network, service: str, kind: str, **request: Any) -> Fields:
    """Create an endpoint, and return it as EC2 describes it."""
    endpoint: Fields = network.call(
        "create_vpc_endpoint",
        VpcId=network.vpc_id,
        ServiceName=service,
        VpcEndpointType=kind,
        **request,
    )["VpcEndpoint"]
    return endpoint


def ensure_interface_endpoints(
    network: Network, endpoints: list[Fields], subnets: list[Fields]
) -> list[str]:
    """Create the interface endpoints that are listed, and delete others of this module.

    Returns the ids of those that are not available yet. Their security group stays when the last
    of them goes: it costs nothing.
    """
    found = endpoints_by_service(endpoints)
    listed_services = network.params["interface_endpoints"]
    surplus = [
        found[service_name(network, service)]
        for service in SERVICES
        if service not in listed_services and service_name(network, service) in found
    ]
    remove_endpoints(network, surplus)
    if not listed_services:
        return []
    group = ensure_security_group(network)
    # An endpoint takes one subnet in each zone.
    places = [subnet["subnet_id"] for subnet in zones_of(subnets, public=False).values()]
    pending = []
    for service in listed_services:
        endpoint = found.get(service_name(network, service))
        endpoint_id = ensure_interface_endpoint(network, service, endpoint, places, group)
        if endpoint is None or state_of(endpoint) != "available":
            pending.append(endpoint_id)
    return pending


def ensure_interface_endpoint(
    network: Network, service: str, found: Fields | None, places: list[str], group: str
) -> str:
    """Create one interface endpoint, or bring it up to date; return its id."""
    current = found["SubnetIds"] if found else []
    groups = [item["GroupId"] for item in found["Groups"]] if found else []

    def create(**tags: list[Fields]) -> Fields:
        return create_endpoint(
            network,
            service_name(network, service),
            "Interface",
            SubnetIds=places,
            SecurityGroupIds=[group],
            PrivateDnsEnabled=True,
            **tags,
        )

    endpoint = network.keep(
        ENDPOINT,
        f"{network.name}-{service}",
        found,
        {
            "type": "Interface",
            "subnet_ids": sorted(current),
            "security_groups": sorted(groups),
            "private_dns": bool(found and found["PrivateDnsEnabled"]),
        },
        {
            "type": "Interface",
            "subnet_ids": sorted(places),
            "security_groups": [group],
            "private_dns": True,
        },
        create,
    )
    if found and not network.aws.check_mode:
        request: Fields = {
            "AddSubnetIds": [subnet for subnet in places if subnet not in current],
            "RemoveSubnetIds": [subnet for subnet in current if subnet not in places],
            "AddSecurityGroupIds": [] if group in groups else [group],
            "RemoveSecurityGroupIds": [other for other in groups if other != group],
            "PrivateDnsEnabled": not found["PrivateDnsEnabled"],
        }
        changes = {name: value for name, value in request.items() if value}
        if changes:
            network.call("modify_vpc_endpoint", VpcEndpointId=endpoint, **changes)
    return endpoint


def ensure_security_group(network: Network) -> str:
    """Create the security group of interface endpoints: HTTPS from the VPC; return its id."""
    name = f"{network.name}-endpoints"
    groups = network.parts("describe_security_groups", "SecurityGroups")
    found = next((group for group in groups if group["GroupName"] == name), None)
    wanted = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "IpRanges": [{"CidrIp": network.params["cidr"]}],
    }
    current = [without_empty(permission) for permission in (found or {}).get("IpPermissions", [])]

    def create(**tags: list[Fields]) -> Fields:
        description = "HTTPS from the VPC to its interface endpoints"
        return network.call(
            "create_security_group",
            VpcId=network.vpc_id,
            GroupName=name,
            Description=description,
            **tags,
        )

    group = network.keep(
        SECURITY_GROUP, name, found, {"ingress": current}, {"ingress": [wanted]}, create
    )
    if not network.aws.check_mode:
        surplus = [permission for permission in current if permission != wanted]
        if surplus:
            network.call("revoke_security_group_ingress", GroupId=group, IpPermissions=surplus)
        if wanted not in current:
            network.call("authorize_security_group_ingress", GroupId=group, IpPermissions=[wanted])
    return group


def without_empty(permission: Fields) -> Fields:
    """Return a rule of a security group without its empty lists."""
    return {name: value for name, value in permission.items() if value != []}


def wait_for_endpoints(network: Network, endpoints: list[str]) -> None:
    """Wait where asked to until these interface endpoints are available.

    Raises:
        AwsError: AWS could not make one.
    """
    if network.aws.check_mode or not network.aws.wait or not endpoints:
        return
    filters = [{"Name": "vpc-id", "Values": [network.vpc_id]}]

    def available() -> bool | None:
        # One that has just been created may not be described at once, so search for it.
        of_vpc = listed(network.ec2, "describe_vpc_endpoints", "VpcEndpoints", Filters=filters)
        found = [endpoint for endpoint in of_vpc if endpoint[ENDPOINT.id] in endpoints]
        for endpoint in found:
            if state_of(endpoint) in FAILED:
                name, error = name_of(endpoint, ENDPOINT.id), endpoint.get("LastError", {})
                raise AwsError(f"endpoint {name} is {endpoint['State']}: {error.get('Message')}")
        states = list(map(state_of, found))
        return True if states.count("available") == len(endpoints) else None

    network.aws.until(available, f"endpoints {', '.join(endpoints)} available")


def remove_endpoints(network: Network, endpoints: list[Fields]) -> None:
    """Delete endpoints, and wait until their network interfaces are gone with them.

    Raises:
        AwsError: AWS refuses to delete one.
    """
    for endpoint in endpoints:
        name = name_of(endpoint, ENDPOINT.id)
        before = {"type": endpoint["VpcEndpointType"], "subnet_ids": endpoint["SubnetIds"]}
        network.record(ENDPOINT.type, name, {"id": endpoint[ENDPOINT.id], **before}, {})
    if network.aws.check_mode or not endpoints:
        return
    ids = [endpoint[ENDPOINT.id] for endpoint in endpoints]
    answer = network.ec2.delete_vpc_endpoints(VpcEndpointIds=ids)
    for failure in answer.get("Unsuccessful", []):
        raise AwsError(f"endpoint {failure['ResourceId']}: {failure['Error']['Message']}")
    find_endpoints(network)

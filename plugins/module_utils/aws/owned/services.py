"""The platform's resources of the services that the tagging API misses, or tells too late of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..core import Aws, Fields
from .common import (
    BY_NAME,
    BY_TAG,
    GLOBAL,
    Apart,
    Item,
    Listing,
    Owner,
    as_mapping,
    in_batches,
    one_by_one,
    owned,
    owned_apart,
    pages,
)

LOG_GROUP = "AWS::Logs::LogGroup"
KEY = "AWS::KMS::Key"

LOAD_BALANCERS = (
    Apart(
        Listing(
            "elbv2",
            "describe_load_balancers",
            "LoadBalancers[]",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "LoadBalancerArn",
            "LoadBalancerName",
            properties={"type": "Type"},
        ),
        in_batches("ResourceArns", "ResourceArn"),
        "VpcId",
    ),
    Apart(
        Listing(
            "elbv2",
            "describe_target_groups",
            "TargetGroups[]",
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            "TargetGroupArn",
            "TargetGroupName",
        ),
        in_batches("ResourceArns", "ResourceArn"),
        "VpcId",
    ),
    Apart(
        Listing(
            "elb",
            "describe_load_balancers",
            "LoadBalancerDescriptions[]",
            "AWS::ElasticLoadBalancing::LoadBalancer",
            "LoadBalancerName",
        ),
        in_batches("LoadBalancerNames", "LoadBalancerName"),
        "VPCId",
    ),
)
REPOSITORY = Apart(
    Listing(
        "ecr",
        "describe_repositories",
        "repositories[]",
        "AWS::ECR::Repository",
        "repositoryArn",
        "repositoryName",
    ),
    one_by_one("list_tags_for_resource", "resourceArn", "tags"),
)
ROLE = Listing(
    "iam",
    "get_account_authorization_details",
    "RoleDetailList[]",
    "AWS::IAM::Role",
    "RoleName",
    request={"Filter": ["Role"]},
    region=GLOBAL,
)
OIDC_PROVIDER = Apart(
    Listing(
        "iam",
        "list_open_id_connect_providers",
        "OpenIDConnectProviderList[]",
        "AWS::IAM::OIDCProvider",
        "Arn",
        region=GLOBAL,
    ),
    one_by_one("list_open_id_connect_provider_tags", "OpenIDConnectProviderArn", "Tags"),
)
SCHEDULE_GROUP = Apart(
    Listing(
        "scheduler",
        "list_schedule_groups",
        "ScheduleGroups[?Name != 'default' && State == 'ACTIVE'][]",
        "AWS::Scheduler::ScheduleGroup",
        "Arn",
        "Name",
    ),
    one_by_one("list_tags_for_resource", "ResourceArn", "Tags"),
)
ALIASED_KEY = Apart(
    Listing(
        "kms",
        "list_aliases",
        "Aliases[?TargetKeyId && !starts_with(AliasName, 'alias/aws/')][]",
        KEY,
        "TargetKeyId",
        "AliasName",
    ),
    one_by_one("list_resource_tags", "KeyId", "Tags[].{Key: TagKey, Value: TagValue}"),
)
# Of these the tagging API is not asked: they are listed, and it tells of what is long gone.
LISTED = {"autoscaling", "budgets", "ec2", "ecr", "eks", "elasticloadbalancing", "iam", "scheduler"}
TYPES = {"kms": KEY, "logs": LOG_GROUP, "sns": "AWS::SNS::Topic"}


def service_items(aws: Aws, owner: Owner, vpcs: set[str]) -> Iterator[Item]:
    """Yield what belongs to the owner in the services beside EC2 and EKS."""
    yield from owned_apart(aws, owner, LOAD_BALANCERS, vpcs)
    yield from repositories(aws, owner)
    yield from owned(aws, owner, [ROLE])
    yield from owned_apart(aws, owner, [OIDC_PROVIDER])
    yield from schedules(aws, owner)
    yield from budgets(aws, owner)
    yield from tagged(aws, owner)


def repositories(aws: Aws, owner: Owner) -> Iterator[Item]:
    """Yield the image repositories, with the number of images and their size."""
    for item in owned_apart(aws, owner, [REPOSITORY]):
        sizes = list(
            pages(
                aws.client("ecr"),
                "describe_images",
                "imageDetails[].imageSizeInBytes",
                repositoryName=item.name,
            )
        )
        item.properties.update(images=len(sizes), stored_bytes=sum(sizes))
        yield item


def schedules(aws: Aws, owner: Owner) -> Iterator[Item]:
    """Yield the groups of schedules, and the schedules in them, which carry no tags."""
    groups = list(owned_apart(aws, owner, [SCHEDULE_GROUP]))
    yield from groups
    for group in groups:
        request = {"GroupName": group.name}
        for name in pages(aws.client("scheduler"), "list_schedules", "Schedules[].Name", **request):
            yield Item("AWS::Scheduler::Schedule", name, f"{group.name}/{name}", group.why)


def budgets(aws: Aws, owner: Owner) -> Iterator[Item]:
    """Yield the budgets."""
    client = aws.client("budgets")
    caller = aws.client("sts").get_caller_identity()
    account, partition = caller["Account"], caller["Arn"].split(":")[1]
    for name in pages(client, "describe_budgets", "Budgets[].BudgetName", AccountId=account):
        arn = f"arn:{partition}:budgets::{account}:budget/{name}"
        tags = client.list_tags_for_resource(ResourceARN=arn).get("ResourceTags", [])
        why = owner.claim(as_mapping(tags))
        if why:
            yield Item("AWS::Budgets::Budget", name, name, why, region=GLOBAL)


def tagged(aws: Aws, owner: Owner) -> Iterator[Item]:
    """Yield the keys and log groups, and what the tagging API finds in all other services."""
    filters = [{"Key": key, "Values": [value]} for key, value in owner.tags.items()]
    arns = pages(
        aws.client("resourcegroupstaggingapi"),
        "get_resources",
        "ResourceTagMappingList[].ResourceARN",
        TagFilters=filters,
    )
    keys, log_groups = {}, []
    for arn in arns:
        service, name = arn.split(":", 5)[2], arn.split(":", 5)[5]
        if service == "kms":
            keys[name.removeprefix("key/")] = Item(KEY, name.removeprefix("key/"), arn, BY_TAG)
        elif service == "logs":
            log_groups.append(name.removeprefix("log-group:").removesuffix(":*"))
        elif service not in LISTED:
            yield Item(TYPES.get(service, f"AWS::{service}"), arn, name, BY_TAG)
    keys |= {item.id: item for item in owned_apart(aws, owner, [ALIASED_KEY])}
    yield from (item for item in keys.values() if is_kept(aws, item.id))
    prefixes = [f"/aws/{service}/{owner.cluster}/" for service in ("eks", "containerinsights")]
    # Their names tell of those below the prefixes.
    named = [name for name in log_groups if not name.startswith(tuple(prefixes))]
    for name in (*named, *prefixes):
        yield from logs(aws, name, BY_NAME if name in prefixes else BY_TAG)


def is_kept(aws: Aws, key: str) -> bool:
    """Tell whether a KMS key is there, and not waiting for its deletion."""
    metadata = aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    return metadata["KeyState"] not in {"PendingDeletion", "PendingReplicaDeletion"}


def logs(aws: Aws, prefix: str, why: str) -> Iterator[Item]:
    """Yield the log group of this name, or those below a prefix that ends with a slash."""
    found: Iterator[Fields] = pages(
        aws.client("logs"), "describe_log_groups", "logGroups[]", logGroupNamePrefix=prefix
    )
    for group in found:
        name: Any = group["logGroupName"]
        if name == prefix or prefix.endswith("/"):
            yield Item(LOG_GROUP, name, name, why, {"stored_bytes": group.get("storedBytes", 0)})

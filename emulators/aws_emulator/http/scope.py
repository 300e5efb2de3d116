"""What the emulated AWS answers: all else gets 501, with a sentence.

moto answers hundreds of other requests, which nothing here has compared with AWS.
"""

from __future__ import annotations

from collections.abc import Iterable

from .call import Application, Call, Environ, StartResponse, call_of
from .refusal import refuse

THE_COLLECTION = """
autoscaling CreateOrUpdateTags DeleteTags DescribeAutoScalingGroups DescribeTags
budgets CreateBudget CreateNotification DeleteBudget DeleteNotification DescribeBudget
budgets DescribeBudgets DescribeNotificationsForBudget DescribeSubscribersForNotification
budgets ListTagsForResource TagResource UntagResource UpdateBudget
ec2 AllocateAddress AssociateRouteTable AssociateSubnetCidrBlock AssociateVpcCidrBlock
ec2 AttachInternetGateway AuthorizeSecurityGroupIngress CreateEgressOnlyInternetGateway
ec2 CreateFlowLogs CreateInternetGateway CreateLaunchTemplate CreateLaunchTemplateVersion
ec2 CreateNatGateway CreateRoute CreateRouteTable CreateSecurityGroup CreateSubnet CreateTags
ec2 CreateVpc CreateVpcEndpoint DeleteEgressOnlyInternetGateway DeleteFlowLogs
ec2 DeleteInternetGateway DeleteLaunchTemplate DeleteLaunchTemplateVersions DeleteNatGateway
ec2 DeleteNetworkInterface DeleteRoute DeleteRouteTable DeleteSecurityGroup DeleteSnapshot
ec2 DeleteSubnet DeleteTags DeleteVolume DeleteVpc DeleteVpcEndpoints DescribeAddresses
ec2 DescribeEgressOnlyInternetGateways DescribeFlowLogs DescribeImages
ec2 DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeInstances
ec2 DescribeInternetGateways DescribeLaunchTemplateVersions DescribeLaunchTemplates
ec2 DescribeNatGateways DescribeNetworkInterfaces DescribeRouteTables DescribeSecurityGroups
ec2 DescribeSnapshots DescribeSubnets DescribeVolumes DescribeVpcAttribute DescribeVpcEndpoints
ec2 DescribeVpcs DetachInternetGateway ModifyLaunchTemplate ModifySubnetAttribute
ec2 ModifyVpcAttribute ModifyVpcEndpoint ReleaseAddress ReplaceRoute ReplaceRouteTableAssociation
ec2 RevokeSecurityGroupEgress RevokeSecurityGroupIngress
ecr CreateRepository DeleteLifecyclePolicy DeleteRepository DescribeImages DescribeRepositories
ecr GetLifecyclePolicy ListTagsForResource PutImageScanningConfiguration PutImageTagMutability
ecr PutLifecyclePolicy TagResource UntagResource
eks AssociateAccessPolicy AssociateEncryptionConfig CreateAccessEntry CreateAddon CreateCluster
eks CreateNodegroup CreatePodIdentityAssociation DeleteAccessEntry DeleteAddon DeleteCluster
eks DeleteNodegroup DeletePodIdentityAssociation DescribeAccessEntry DescribeAddon
eks DescribeAddonVersions DescribeCluster DescribeClusterVersions DescribeNodegroup
eks DescribePodIdentityAssociation DescribeUpdate DisassociateAccessPolicy ListAccessEntries
eks ListAddons ListAssociatedAccessPolicies ListClusters ListInsights ListNodegroups
eks ListPodIdentityAssociations ListTagsForResource TagResource UntagResource UpdateAccessEntry
eks UpdateAddon UpdateClusterConfig UpdateClusterVersion UpdateNodegroupConfig
eks UpdateNodegroupVersion UpdatePodIdentityAssociation
elasticloadbalancing DeleteLoadBalancer DeleteTargetGroup DescribeLoadBalancers
elasticloadbalancing DescribeTags DescribeTargetGroups
iam AddClientIDToOpenIDConnectProvider AttachRolePolicy CreateOpenIDConnectProvider CreateRole
iam DeleteOpenIDConnectProvider DeleteRole DeleteRolePolicy DetachRolePolicy
iam GetAccountAuthorizationDetails GetOpenIDConnectProvider GetRole
iam ListOpenIDConnectProviderTags ListOpenIDConnectProviders ListRoles
iam PutRolePermissionsBoundary PutRolePolicy RemoveClientIDFromOpenIDConnectProvider
iam TagOpenIDConnectProvider TagRole UntagOpenIDConnectProvider UntagRole
iam UpdateAssumeRolePolicy UpdateOpenIDConnectProviderThumbprint UpdateRole
kms CancelKeyDeletion CreateAlias CreateGrant CreateKey DescribeKey DisableKey
kms DisableKeyRotation EnableKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListAliases
kms ListGrants ListKeyPolicies ListKeys ListResourceTags PutKeyPolicy RetireGrant
kms ScheduleKeyDeletion TagResource UntagResource UpdateAlias UpdateKeyDescription
logs CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DescribeLogGroups ListTagsForResource
logs ListTagsLogGroup PutRetentionPolicy TagLogGroup TagResource UntagLogGroup UntagResource
scheduler CreateSchedule CreateScheduleGroup DeleteSchedule DeleteScheduleGroup GetSchedule
scheduler GetScheduleGroup ListScheduleGroups ListSchedules ListTagsForResource TagResource
scheduler UntagResource UpdateSchedule
servicequotas GetServiceQuota
sts GetCallerIdentity
tagging GetResources
"""
"""What its modules, and the modules of amazon.aws that its roles use, call: service and actions."""

OTHERS = """
autoscaling DeleteAutoScalingGroup SetDesiredCapacity
ec2 CreateNetworkInterface CreateSnapshot CreateVolume DescribeTags DisassociateAddress
ec2 DisassociateRouteTable RunInstances TerminateInstances
ecr PutImage
elasticloadbalancing CreateListener CreateLoadBalancer CreateTargetGroup
iam AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile
iam RemoveRoleFromInstanceProfile
kms DeleteAlias
sns CreateTopic DeleteTopic
sts AssumeRole
"""
"""What people, pipelines and controllers do in the same account, and its modules then meet."""

SCENARIOS = """
autoscaling DescribeLifecycleHooks
iam GetInstanceProfile ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies
"""
"""What the modules of amazon.aws call with which the molecule scenarios prepare and verify."""

IN_SCOPE = {
    (service, action)
    for lines in (THE_COLLECTION, OTHERS, SCENARIOS)
    for service, *actions in map(str.split, lines.strip().splitlines())
    for action in actions
}
SETTINGS = "/moto-api/"
"""Where moto's own pages are, which tests set."""


class Scope:
    """Lets through what is in scope."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Let the application answer, or say that nobody does."""
        call = call_of(environ)
        if (call.service, call.action) in IN_SCOPE or environ["PATH_INFO"].startswith(SETTINGS):
            return self.application(environ, start_response)
        return refuse(call, 501, "NotImplemented", sentence(call), start_response)


def sentence(call: Call) -> str:
    """Say what is not answered, and where it stands what is."""
    asked = f"{call.service} {call.action}" if call.service != "-" else call.action
    return (
        f"The emulated AWS does not answer {asked}: its scope is what this collection's playbooks "
        "ask for (emulators/README.md)."
    )

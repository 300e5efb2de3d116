"""OpenID Connect providers of IAM: whose tokens the trust policies of roles may name."""

from __future__ import annotations

import re

from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    tag_changes,
    tags_after,
)

# The issuer as its tokens write it: IAM takes no port, query or fragment.
URL = re.compile(r"(?=.{1,255}$)https://[a-z0-9-]+(\.[a-z0-9-]+)+(/[\w.~-]+)*")
THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")


def ensure_oidc_provider(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete an OpenID Connect provider.

    Raises:
        AwsError: an option has a value that IAM would refuse.
    """
    check_options(params)
    return converge(OidcProvider(aws, params))


def check_options(params: Fields) -> None:
    """Refuse what IAM would refuse, and wildcards, which it would take as plain text.

    Raises:
        AwsError: an option has a value that it cannot have; the message names both.
    """
    if not URL.fullmatch(params["url"]):
        raise AwsError(
            f"url is {params['url']!r}; it must be the issuer's https URL without port, query "
            "and final slash, such as https://token.actions.githubusercontent.com"
        )
    for client_id in params["client_ids"]:
        if not client_id or "*" in client_id:
            raise AwsError(
                f"client_ids has {client_id!r}; each must be the exact audience of a token, "
                "such as sts.amazonaws.com"
            )
    thumbprints = params["thumbprints"] or []
    if len(thumbprints) > 5:
        raise AwsError(f"thumbprints has {len(thumbprints)} entries; IAM takes at most 5")
    for thumbprint in thumbprints:
        if not THUMBPRINT.fullmatch(thumbprint):
            raise AwsError(
                f"thumbprints has {thumbprint!r}; each must be the SHA-1 of a certificate in 40 "
                "hexadecimal digits"
            )


def sorted_thumbprints(thumbprints: list[str] | None) -> list[str] | None:
    """Return thumbprints in one order and spelling."""
    return None if thumbprints is None else sorted(text.lower() for text in thumbprints)


class OidcProvider(Resource):
    """A provider; its ARN ends with its URL, so there is one per URL and account."""

    kind = "provider"
    type = "AWS::IAM::OIDCProvider"

    def names(self) -> Fields:
        """Return the URL."""
        return {"url": self.params["url"]}

    def find(self) -> Fields | None:
        """Return the provider of this URL."""
        listing = self.aws.client("iam").list_open_id_connect_providers()
        ending = f":oidc-provider/{self.params['url'].removeprefix('https://')}"
        arns = [entry["Arn"] for entry in listing["OpenIDConnectProviderList"]]
        arn = next((arn for arn in arns if arn.endswith(ending)), None)
        return self.describe(arn) if arn else None

    def describe(self, arn: str) -> Fields:
        """Return a provider as IAM describes it, with its ARN and its tags as a dictionary."""
        provider = self.aws.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        return {
            "arn": arn,
            "url": f"https://{provider['Url'].removeprefix('https://')}",
            "client_ids": provider.get("ClientIDList", []),
            "thumbprints": provider.get("ThumbprintList", []),
            "tags": boto3_tag_list_to_ansible_dict(provider.get("Tags", [])),
        }

    def view(self, current: Fields) -> Fields:
        """Return client ids, thumbprints and tags."""
        return {
            "client_ids": sorted(current["client_ids"]),
            "thumbprints": sorted_thumbprints(current["thumbprints"]),
            "tags": current["tags"],
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        return given(
            client_ids=sorted(set(self.params["client_ids"])),
            thumbprints=sorted_thumbprints(self.params["thumbprints"]),
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the provider; without thumbprints IAM finds the certificate's itself."""
        request = given(
            Url=self.params["url"],
            ClientIDList=wanted["client_ids"],
            ThumbprintList=wanted.get("thumbprints"),
            Tags=ansible_dict_to_boto3_tag_list(wanted["tags"]) if wanted.get("tags") else None,
        )
        created = self.aws.client("iam").create_open_id_connect_provider(**request)
        return self.describe(created["OpenIDConnectProviderArn"])

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send one call per client id, one for the thumbprints, and those for the tags."""
        iam = self.aws.client("iam")
        arn = {"OpenIDConnectProviderArn": current["arn"]}
        old, new = set(before["client_ids"]), set(wanted["client_ids"])
        for client_id in sorted(new - old):
            iam.add_client_id_to_open_id_connect_provider(**arn, ClientID=client_id)
        for client_id in sorted(old - new):
            iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID=client_id)
        if "thumbprints" in changed:
            iam.update_open_id_connect_provider_thumbprint(
                **arn, ThumbprintList=wanted["thumbprints"]
            )
        tags, removed = tag_changes(before.get("tags", {}), wanted.get("tags", {}))
        if removed:
            iam.untag_open_id_connect_provider(**arn, TagKeys=removed)
        if tags:
            iam.tag_open_id_connect_provider(**arn, Tags=ansible_dict_to_boto3_tag_list(tags))
        return self.describe(current["arn"])

    def delete(self, current: Fields) -> None:
        """Delete the provider."""
        self.aws.client("iam").delete_open_id_connect_provider(
            OpenIDConnectProviderArn=current["arn"]
        )

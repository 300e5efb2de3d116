"""Corrections to moto's IAM."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam import urls
from moto.iam.exceptions import MalformedPolicyDocument
from moto.iam.models import OpenIDConnectProvider
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator
from moto.iam.responses import IamResponse

GITHUB = "token.actions.githubusercontent.com"


def listed(value: Any) -> list[Any]:
    """Return a part of a policy, which may be one or a list, as a list."""
    return value if isinstance(value, list) else [value]


def check_trust(document: str) -> None:
    """Refuse a trust policy without principals, or one that trusts the whole of GitHub."""
    IAMTrustPolicyDocumentValidator(document).validate()
    for statement in listed(json.loads(document)["Statement"]):
        principal = statement.get("Principal")
        if not principal:
            raise MalformedPolicyDocument("Missing required field Principal")
        providers = listed(principal.get("Federated", [])) if isinstance(principal, dict) else []
        tests = statement.get("Condition", {}).values()
        subjects = [subject for test in tests for subject in listed(test.get(f"{GITHUB}:sub", []))]
        if any(provider.endswith(f"/{GITHUB}") for provider in providers) and (
            not subjects or "*" in subjects
        ):
            raise MalformedPolicyDocument(
                f"The trust policy of a role for {GITHUB} must limit the condition key {GITHUB}:sub"
            )


class IAMResponse(IamResponse):
    """moto's IAM with changes of the client ids of an OpenID Connect provider, and refusals."""

    def create_role(self) -> ActionResult:
        """Check the trust policy."""
        check_trust(self._get_param("AssumeRolePolicyDocument"))
        return super().create_role()

    def update_assume_role_policy(self) -> ActionResult:
        """Check the trust policy."""
        check_trust(self._get_param("PolicyDocument"))
        return super().update_assume_role_policy()

    def named_provider(self) -> OpenIDConnectProvider:
        """Return the provider that the request names."""
        return self.backend.get_open_id_connect_provider(
            self._get_param("OpenIDConnectProviderArn")
        )

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        """Add a client id; one that is there already is no error."""
        provider, client_id = self.named_provider(), self._get_param("ClientID")
        if client_id not in provider.client_id_list:
            provider.client_id_list.append(client_id)
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        """Remove a client id; one that is not there is no error."""
        provider, client_id = self.named_provider(), self._get_param("ClientID")
        if client_id in provider.client_id_list:
            provider.client_id_list.remove(client_id)
        return EmptyResult()


def extend() -> None:
    """Route every IAM request to the class above."""
    for path in urls.url_paths:
        urls.url_paths[path] = IAMResponse.dispatch

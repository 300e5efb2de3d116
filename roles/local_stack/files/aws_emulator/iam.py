"""Corrections to moto's IAM."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult
from moto.iam import urls
from moto.iam.models import OpenIDConnectProvider
from moto.iam.responses import IamResponse


class IAMResponse(IamResponse):
    """moto's IAM with changes of the client ids of an OpenID Connect provider."""

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

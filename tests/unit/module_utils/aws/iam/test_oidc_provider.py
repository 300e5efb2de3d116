"""OpenID Connect providers against scripted answers of AWS."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import AwsError, Fields
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.oidc_provider import (
    ensure_oidc_provider,
)
from support.scripted_aws import ScriptedAws

URL = "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"
ARN = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"


def params(**changes: Any) -> Fields:
    """Return the module's options for the provider below."""
    return {
        "url": URL,
        "state": "present",
        "client_ids": ["sts.amazonaws.com"],
        "thumbprints": None,
        "tags": None,
        "purge_tags": True,
        **changes,
    }


def test_provider_of_another_url_is_another() -> None:
    with ScriptedAws() as script:
        others = [{"Arn": ARN + "D"}, {"Arn": ARN.replace("/oidc.", "/x.oidc.")}]
        answer = {"OpenIDConnectProviderList": others}
        script.answer("iam", "list_open_id_connect_providers", answer)
        assert ensure_oidc_provider(script.aws(check_mode=True), params())["changed"]


def test_thumbprints_that_iam_found_are_left_alone() -> None:
    with ScriptedAws() as script:
        answer = {"OpenIDConnectProviderList": [{"Arn": ARN}]}
        script.answer("iam", "list_open_id_connect_providers", answer)
        provider = {
            "Url": URL.removeprefix("https://"),
            "ClientIDList": ["sts.amazonaws.com"],
            "ThumbprintList": ["a" * 40],
        }
        key = {"OpenIDConnectProviderArn": ARN}
        script.answer("iam", "get_open_id_connect_provider", provider, **key)
        result = ensure_oidc_provider(script.aws(), params())
        assert not result["changed"]
        assert result["provider"] == {
            "arn": ARN,
            "url": URL,
            "client_ids": ["sts.amazonaws.com"],
            "thumbprints": ["a" * 40],
            "tags": {},
        }


BAD_URLS = ["http://a.b", "https://a.b/", "https://a.b:443", "https://a.b?c", "https://*.b", "a.b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        *(
            (
                {"url": url},
                f"url is {url!r}; it must be the issuer's https URL without port, query and final "
                "slash, such as https://token.actions.githubusercontent.com",
            )
            for url in BAD_URLS
        ),
        (
            {"client_ids": ["*"]},
            "client_ids has '*'; each must be the exact audience of a token, such as "
            "sts.amazonaws.com",
        ),
        (
            {"thumbprints": ["xyz"]},
            "thumbprints has 'xyz'; each must be the SHA-1 of a certificate in 40 hexadecimal "
            "digits",
        ),
        ({"thumbprints": ["a" * 40] * 6}, "thumbprints has 6 entries; IAM takes at most 5"),
    ],
)
def test_bad_options_are_refused_before_any_call(options: Fields, message: str) -> None:
    with ScriptedAws() as script, pytest.raises(AwsError) as caught:
        ensure_oidc_provider(script.aws(), params(**options))
    assert str(caught.value) == message

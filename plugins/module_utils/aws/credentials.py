"""What to tell somebody whose credentials AWS does not take."""

from __future__ import annotations

# Error codes of services for keys that are unknown, and for sessions that have ended.
REFUSED = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
ADVICE = (
    "sign in, for instance by `aws sso login`, name a profile in AWS_PROFILE, or export "
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
)


def credentials_advice(error: Exception) -> str | None:
    """Return one sentence on what to do where an error is of missing or expired credentials."""
    # AnsibleAWSModule reports a missing botocore.
    from botocore.exceptions import (
        ClientError,
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        SSOTokenLoadError,
        TokenRetrievalError,
        UnauthorizedSSOTokenError,
    )

    missing = (
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        SSOTokenLoadError,
        TokenRetrievalError,
        UnauthorizedSSOTokenError,
    )
    if isinstance(error, ClientError):
        if error.response["Error"]["Code"] in REFUSED:
            return f"AWS does not take these credentials ({error}): {ADVICE}"
    elif isinstance(error, missing):
        return f"there are no credentials for AWS ({error}): {ADVICE}"
    return None

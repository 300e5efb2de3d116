"""One sentence for those whose credentials AWS does not take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.credentials import (
    credentials_advice,
)
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

ROOT = Path(__file__).resolve().parents[4]


def refusal(code: str) -> ClientError:
    """Return AWS's refusal of a call."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "ListRoles")


def test_missing_credentials_are_named() -> None:
    advice = credentials_advice(NoCredentialsError())
    assert advice is not None
    assert advice.startswith("there are no credentials for AWS (Unable to locate credentials)")
    assert "aws sso login" in advice


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"])
def test_refused_credentials_are_named(code: str) -> None:
    advice = credentials_advice(refusal(code))
    assert advice is not None
    assert advice.startswith(f"AWS does not take these credentials (An error occurred ({code})")


@pytest.mark.parametrize(
    "error", [refusal("AccessDenied"), EndpointConnectionError(endpoint_url="http://x")]
)
def test_other_errors_get_no_advice(error: Exception) -> None:
    assert credentials_advice(error) is None


def test_a_module_says_it_in_one_sentence(tmp_path: Path) -> None:
    options = json.dumps({"name": "mlops/triton", "region": "eu-west-1"})
    kept = {name: os.environ[name] for name in ("HOME", "PATH")}
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible"),
            *("localhost", "--module-name=mlops.gpu_platform.ecr_repository", "--args", options),
            f"--extra-vars=ansible_python_interpreter={sys.executable}",
        ],
        cwd=ROOT,
        env=kept
        | {
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    text = " ".join((done.stdout + done.stderr).split())
    assert "there are no credentials for AWS (Unable to locate credentials)" in text
    assert "Traceback" not in text

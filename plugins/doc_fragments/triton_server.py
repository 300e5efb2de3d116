"""Where a Triton server is, and how it and a module prove to each other who they are."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of every module that talks to Triton."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of Triton's HTTP or gRPC service, for instance C(http://127.0.0.1:8000) or
        C(grpc://127.0.0.1:8001).
      - C(https://) and C(grpcs://) are the encrypted ones. Triton itself encrypts gRPC only; for
        HTTP a proxy in front of it does.
      - gRPC needs the Python package C(tritonclient[grpc]), HTTP needs none.
    type: str
    required: true
  timeout:
    description: Seconds that the server may be silent in one request.
    type: int
    default: 30
  token:
    description:
      - The bearer token that goes with every request, in the header C(Authorization), over gRPC as
        metadata.
      - It is sent only over an encrypted connection, or to this machine itself.
    type: str
  ca_path:
    description:
      - PEM file with the certificates of the authorities that the server's certificate is checked
        against.
      - By default those that the system trusts, over gRPC those that gRPC brings.
    type: path
  client_cert:
    description: PEM file with the certificate that proves to the server who asks.
    type: path
  client_key:
    description: PEM file with the key of O(client_cert), unless that file holds it too.
    type: path
  validate_certs:
    description:
      - Whether the server's certificate is checked.
      - gRPC always checks it, so V(false) is refused there.
    type: bool
    default: true
"""

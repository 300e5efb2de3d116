"""The bill of materials of a released model, in CycloneDX.

It follows from the manifest alone, its serial number and its time too: the same release has the
same bill of materials, byte for byte. The library that writes it has no model card yet, so what
would belong there are properties.
"""

from __future__ import annotations

from datetime import datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License

PROPERTIES = (
    "accuracy",
    "digest",
    "ir_version",
    "largest_difference",
    "opset",
    "parameters",
    "precision",
    "random_weights",
    "source",
    "source_digest",
    "tolerance",
)
"""What of a manifest goes into properties, where it is known."""
CLASSIFIER = "License :: "
LONGEST_LICENCE = 80
"""Characters: some packages have the whole text where the name of their licence belongs."""


def licence(package: str, version: str) -> License | None:
    """Return the licence that an installed package states, None where none is known of it."""
    from cyclonedx.contrib.license.factories import LicenseFactory

    try:
        stated = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return None
    if stated["Version"] != version:
        return None
    short = stated["License"] if len(stated["License"] or "") <= LONGEST_LICENCE else None
    classified = [
        entry.rpartition(" :: ")[2]
        for entry in stated.get_all("Classifier") or []
        if entry.startswith(CLASSIFIER)
    ]
    names = [stated["License-Expression"], *classified, short]
    name = next((name for name in names if name and name != "UNKNOWN"), None)
    return LicenseFactory().make_from_string(name) if name else None


def library(package: str, version: str) -> Component:
    """Return the component of a Python package."""
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    purl = PackageURL("pypi", name=package, version=version)
    found = licence(package, version)
    return Component(
        type=ComponentType.LIBRARY,
        name=package,
        version=version,
        bom_ref=str(purl),
        purl=purl,
        licenses=[found] if found else [],
    )


def model(manifest: dict[str, Any]) -> Component:
    """Return the component of the model itself, with its files inside."""
    from cyclonedx.model import (
        ExternalReference,
        ExternalReferenceType,
        HashAlgorithm,
        HashType,
        Property,
        XsUri,
    )
    from cyclonedx.model.component import Component, ComponentType

    def hashes(sha256: str) -> list[HashType]:
        return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)]

    reference = f"{manifest['name']}@{manifest['version']}"
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=manifest["name"],
        version=str(manifest["version"]),
        bom_ref=reference,
        components=[
            Component(
                type=ComponentType.FILE,
                name=path,
                bom_ref=f"{reference}/{path}",
                hashes=hashes(sha256),
            )
            for path, sha256 in manifest["files"].items()
        ],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.SOURCE_DISTRIBUTION,
                url=XsUri(quote(origin["location"], safe=":/?&=%#@+~,;")),
                comment=origin["kind"],
                hashes=hashes(origin["sha256"]),
            )
            for origin in manifest["origins"]
        ],
        properties=[
            Property(name=f"gpu_platform:{key}", value=_text(manifest[key]))
            for key in PROPERTIES
            if manifest[key] is not None
        ],
    )


def _text(value: Any) -> str:
    """Return a value of a manifest as the text of a property."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in sorted(value.items()))
    return str(value).lower() if isinstance(value, bool) else str(value)


def render(manifest: dict[str, Any]) -> str:
    """Return the bill of materials of a release as JSON, CycloneDX 1.6."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.output.json import JsonV1Dot6

    released = model(manifest)
    libraries = [library(name, version) for name, version in sorted(manifest["packages"].items())]
    bom = Bom(
        components=libraries,
        serial_number=uuid5(NAMESPACE_URL, f"{released.bom_ref}#sha256={manifest['digest']}"),
    )
    bom.metadata.component = released
    bom.metadata.timestamp = datetime.fromisoformat(manifest["created"])
    bom.register_dependency(released, [*released.components, *libraries])
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    return text + "\n"

"""The versions of Kubernetes that the emulated EKS has, on the day of this table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from moto.core.responses import ActionResult

from .call import EKSCall

PATHS = ("{0}/cluster-versions$",)
PLATFORM_VERSION = "eks.4"
TABLE_DAY = datetime(2026, 2, 15, tzinfo=UTC)
DEFAULT_VERSION = "1.34"


class Version(NamedTuple):
    """A version of Kubernetes: the build of its nodes, its release, and the ends of its support."""

    patch: str
    released: datetime
    standard_until: datetime
    extended_until: datetime

    @property
    def support(self) -> str:
        """Return the support that it has on the day of the table."""
        return "EXTENDED" if self.standard_until < TABLE_DAY else "STANDARD"


def day(text: str) -> datetime:
    """Return the beginning of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


VERSIONS = {
    minor: Version(patch, day(released), day(standard), day(extended))
    for minor, patch, released, standard, extended in (
        ("1.31", "1.31.14", "2024-09-26", "2025-11-26", "2026-11-26"),
        ("1.32", "1.32.11", "2025-01-23", "2026-03-23", "2027-03-23"),
        ("1.33", "1.33.7", "2025-05-29", "2026-07-29", "2027-07-29"),
        ("1.34", "1.34.3", "2025-10-02", "2026-12-02", "2027-12-02"),
        ("1.35", "1.35.0", "2026-01-27", "2027-03-27", "2028-03-27"),
    )
}


def minor_of(version: str) -> int:
    """Return the minor of a version, such as 34 of ``1.34``."""
    return int(version.split(".")[1])


def release_of(version: str) -> str:
    """Return the newest release of the nodes' images for a version."""
    return f"{VERSIONS[version].patch}-{TABLE_DAY:%Y%m%d}"


def described(minor: str, version: Version) -> dict[str, Any]:
    """Return a version as DescribeClusterVersions does."""
    return {
        "clusterVersion": minor,
        "clusterType": "eks",
        "defaultPlatformVersion": PLATFORM_VERSION,
        "defaultVersion": minor == DEFAULT_VERSION,
        "releaseDate": version.released,
        "endOfStandardSupportDate": version.standard_until,
        "endOfExtendedSupportDate": version.extended_until,
        "status": f"{version.support.lower()}-support",
        "versionStatus": f"{version.support}_SUPPORT",
        "kubernetesPatchVersion": version.patch,
    }


class VersionCalls(EKSCall):
    """The call that looks at versions."""

    def describe_cluster_versions(self) -> ActionResult:
        """Return the versions that are asked for, the newest first."""
        asked = self.querystring.get("clusterVersions")
        status = self._get_param("versionStatus")
        default_only = self._get_param("defaultOnly") in (True, "true")
        found = [
            entry
            for minor, version in sorted(VERSIONS.items(), reverse=True)
            if (entry := described(minor, version))
            and (not asked or minor in asked)
            and status in (None, entry["versionStatus"])
            and (entry["defaultVersion"] or not default_only)
        ]
        return ActionResult({"clusterVersions": found})

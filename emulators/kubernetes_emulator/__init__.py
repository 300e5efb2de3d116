"""An emulator of the Kubernetes API server (v1.34): storage and API semantics, in memory.

It holds no controllers, no scheduler and no kubelet: those are clients of this API.
"""

from __future__ import annotations

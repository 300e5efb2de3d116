"""Controllers, scheduler and node agent of the local cluster: a pure Kubernetes API client.

Watch threads feed one queue. One thread reconciles: after each batch of events it makes a full,
level-triggered pass over the cached objects. Pods and published Services run on an event loop.
"""

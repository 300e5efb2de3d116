"""The emulated AWS: the moto server with the few corrections that this platform needs.

It answers on loopback only, keeps everything in memory and runs in one process:
``python -m aws_emulator --port 15000 --request-log requests.jsonl``.
"""

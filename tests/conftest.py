"""What holds for every test, and for each process that one starts."""

import os

# onnxruntime sends no usage events.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The servers of the tests are on loopback, which no proxy of the user's reaches.
for name in ("no_proxy", "NO_PROXY"):
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))

"""What holds for every test, and for each process that one starts."""

import os

# onnxruntime sends no usage events.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

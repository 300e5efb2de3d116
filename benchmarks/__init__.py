"""What the platform takes, side by side with an alternative: ``python -m benchmarks.<name>``."""

import os

# onnxruntime sends no usage events, in none of the processes that are measured.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

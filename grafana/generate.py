"""Write the Grafana dashboards as JSON: ``python grafana/generate.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

# The uid that kube-prometheus-stack gives to its Prometheus.
DATASOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
WIDTH, HEIGHT, COLUMNS = 12, 8, 2
SELECTOR = '{namespace=~"$namespace", model=~"$model"}'


def rate(metric: str) -> str:
    """Return the per-second rate of a Triton counter, summed over pods and reasons of failure."""
    return f"sum by (model) (rate({metric}{SELECTOR}[$__rate_interval]))"


REQUESTS = f"({rate('nv_inference_request_success')} + {rate('nv_inference_request_failure')})"


def panel(title: str, unit: str, description: str, targets: dict[str, str]) -> timeseries.Panel:
    """Return a time series panel.

    ``unit`` is Grafana's own id of a unit (``s``, ``percentunit``, ...); ``targets`` maps each
    legend to its PromQL expression.
    """
    built = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .min(0)
        .legend(common.VizLegendOptions().show_legend(True))
    )
    for ref_id, (legend, expression) in zip("ABCDEF", targets.items(), strict=False):
        built.with_target(
            prometheus.Dataquery().ref_id(ref_id).expr(expression).legend_format(legend)
        )
    return built


def triton_panels() -> list[timeseries.Panel]:
    """Return the panels of the Triton dashboard, in reading order."""
    return [
        panel(
            "Requests per second",
            "reqps",
            "Inference requests that Triton answered, successful or not.",
            {"{{model}}": REQUESTS},
        ),
        panel(
            "Error ratio",
            "percentunit",
            "Share of failed requests. Triton does not count everything that a client sees as an"
            " error: responses with an error inside a stream, and requests that it refuses with"
            " 400 or 404. The alert TritonErrorRateHigh fires above 1 %.",
            {"{{model}}": f"{rate('nv_inference_request_failure')} / {REQUESTS}"},
        ),
        panel(
            "Latency: the slowest pod's quantile",
            "s",
            "Quantiles of several pods cannot be averaged, so this is the highest of them: an upper"
            " bound of the fleet's quantile. Without traffic there is none.",
            {
                f"{{{{model}}}} P{percent}": "max by (model) (nv_inference_request_summary_us"
                f'{{namespace=~"$namespace", model=~"$model", quantile="{percent / 100:g}"}}) / 1e6'
                for percent in (50, 90, 99)
            },
        ),
        panel(
            "Queue time per request",
            "s",
            "Mean time that a request waits for a free model instance or for its batch to fill.",
            {
                "{{model}}": f"{rate('nv_inference_queue_duration_us')}"
                f" / {rate('nv_inference_request_success')} / 1e6"
            },
        ),
        panel(
            "Batch size",
            "short",
            "Mean number of inferences in one execution of the model: 1 means no batching.",
            {"{{model}}": f"{rate('nv_inference_count')} / {rate('nv_inference_exec_count')}"},
        ),
        panel(
            "Model load time (needs Triton 24.11 or newer)",
            "s",
            "Time that the slowest pod took to load the model. Older servers do not export it, and"
            " this panel stays empty.",
            {"{{model}}": f"max by (model) (nv_model_load_duration_secs{SELECTOR})"},
        ),
        panel(
            "GPU utilisation (needs dcgm-exporter)",
            "percentunit",
            "Share of time in which the GPU ran any kernel.",
            {"{{Hostname}} GPU {{gpu}}": "DCGM_FI_DEV_GPU_UTIL / 100"},
        ),
        panel(
            "GPU memory in use (needs dcgm-exporter)",
            "percentunit",
            "Share of the frame buffer. The exporter's default counters have no total, so it is the"
            " sum of used, free and reserved.",
            {
                "{{Hostname}} GPU {{gpu}}": "DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED"
                " + DCGM_FI_DEV_FB_FREE + DCGM_FI_DEV_FB_RESERVED)"
            },
        ),
    ]


def variable(name: str, query: str) -> dashboard.QueryVariable:
    """Return a variable that offers every value of a label, several or all at once."""
    return (
        dashboard.QueryVariable(name)
        .datasource(DATASOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(models.VariableOption(text="All", value="$__all"))
    )


def triton() -> dict[str, Any]:
    """Return the Triton dashboard in Grafana's JSON."""
    board = (
        dashboard.Dashboard("Triton")
        .uid("triton")
        .description("Inference requests, latency, batching and GPUs of Triton.")
        .tags(["triton"])
        .time("now-1h", "now")
        .refresh("30s")
        .readonly()
        .with_variable(
            variable("namespace", "label_values(nv_inference_request_success, namespace)")
        )
        .with_variable(
            variable(
                "model",
                'label_values(nv_inference_request_success{namespace=~"$namespace"}, model)',
            )
        )
    )
    for index, each in enumerate(triton_panels()):
        row, column = divmod(index, COLUMNS)
        position = models.GridPos(x=column * WIDTH, y=row * HEIGHT, w=WIDTH, h=HEIGHT)
        board.with_panel(each.id(index + 1).grid_pos(position))
    built = json.loads(json.dumps(board.build(), cls=JSONEncoder))
    for variable_json in built["templating"]["list"]:
        # The SDK writes an interval variable's fields into query variables too.
        for key in ("auto", "auto_count", "auto_min"):
            del variable_json[key]
    return built


def render(board: dict[str, Any]) -> str:
    """Return a dashboard as the text that is committed."""
    return json.dumps(board, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "dashboards" / "triton.json").write_text(render(triton()))

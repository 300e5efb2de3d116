"""The measurements as pictures, one size and one look for all. Titles say what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import export as exporting
from . import generation as generating
from . import precision as precisions
from . import serving as servers
from .measure import Spread, number

OURS, THEIRS, BASE, INK = "#1f5fa8", "#d9822b", "#8a8f98", "#3b3f46"
PALE = {OURS: "#9dbde0", THEIRS: "#f1c99b"}
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8a8f98",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.dpi": 120,
    "figure.figsize": (9, 4.2),
    "font.size": 9,
    "grid.color": "#e4e6ea",
    "legend.frameon": False,
}


def bars(
    axes: Axes,
    groups: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[Spread | None]]],
) -> None:
    """Draw groups of bars; a series has a name, a colour and a bar, or none, for each group.

    A whisker reaches from the lowest to the highest round.
    """
    width = 0.8 / len(series)
    for place, (name, colour, spreads) in enumerate(series):
        shift = (place - (len(series) - 1) / 2) * width
        drawn = [(group + shift, spread) for group, spread in enumerate(spreads) if spread]
        xs = [x for x, _ in drawn]
        medians = [spread.median for _, spread in drawn]
        below = [spread.median - spread.low for _, spread in drawn]
        above = [spread.high - spread.median for _, spread in drawn]
        axes.bar(xs, medians, 0.92 * width, label=name, color=colour)
        axes.errorbar(xs, medians, [below, above], fmt="none", ecolor=INK, elinewidth=0.8)
        for x, spread in drawn:
            axes.annotate(
                number(spread.median),
                (x, spread.high),
                (0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=7,
            )
    axes.set_xticks(range(len(groups)), groups)
    axes.tick_params(length=0)


def save(figure: Figure, title: str, path: Path) -> str:
    """Write a picture under its title, and return the title as one line."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return " ".join(title.split())


def export(results: exporting.Costs, path: Path) -> str:
    """Draw the seconds of an exporting."""
    figure, axes = pyplot.subplots()
    names = (exporting.BARE, exporting.FIRST, exporting.SECOND)
    for place, (name, colour) in enumerate(zip(names, (BASE, OURS, OURS), strict=True)):
        spread = Spread.of([cost.seconds for cost in results[name]])
        whisker = [[spread.median - spread.low], [spread.high - spread.median]]
        axes.barh(place, spread.median, 0.6, color=colour)
        axes.errorbar(spread.median, place, xerr=whisker, fmt="none", ecolor=INK)
        axes.annotate(
            f"{number(spread.median)} s", (spread.high, place), (5, -3), textcoords="offset points"
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel("seconds, from the start of the process to its end")
    first = exporting.ratio(results, exporting.FIRST, 0).median
    second = Spread.of([cost.seconds for cost in results[exporting.SECOND]]).median
    return save(
        figure,
        f"onnx_export of ResNet50 takes {number(first)} times a bare export; "
        f"again, {number(second)} s",
        path,
    )


def serving(results: servers.Loads, path: Path) -> str:
    """Draw the answers per second of both models."""
    colours = (BASE, OURS, THEIRS, PALE[OURS], PALE[THEIRS])
    figure, panels = pyplot.subplots(1, 2, width_ratios=(3, 2))
    for axes, model, contenders in (
        (panels[0], "resnet50", servers.CONTENDERS),
        # In process it is one function call: no bar beside it would be seen.
        (panels[1], "tiny", servers.CONTENDERS[1:]),
    ):
        cases = [case for case in results if case.model == model]
        bars(
            axes,
            [f"{case.concurrency} in flight" for case in cases],
            [
                (
                    name,
                    colours[servers.CONTENDERS.index(name)],
                    [Spread.of([load.rate for load in results[case][name]]) for case in cases],
                )
                for name in contenders
            ],
        )
        axes.set_title(model)
        axes.set_ylabel("answers per second")
    panels[0].legend(ncols=3, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    busiest = results[servers.Case("resnet50", 8)]
    inside = servers.ratio(busiest, "Triton binary", servers.IN_PROCESS).median
    outside = servers.ratio(busiest, "Triton binary", "FastAPI binary").median
    return save(
        figure,
        f"With 8 requests in flight Triton serves ResNet50 {number(inside)} times as fast as "
        f"onnxruntime in process,\nand {number(outside)} times as fast as FastAPI",
        path,
    )


def generation(results: generating.Rates, path: Path) -> str:
    """Draw the tokens per second."""
    figure, axes = pyplot.subplots()
    colours = {generating.OURS: OURS, generating.IN_TURN: BASE, generating.BATCHED: "#c3c7ce"}
    one, *_, most = results
    bars(
        axes,
        [f"{streams} streams" if streams > 1 else "1 stream" for streams in results],
        [
            (
                name,
                colour,
                [Spread.of(rates[name]) if name in rates else None for rates in results.values()],
            )
            for name, colour in colours.items()
        ],
    )
    axes.set_ylabel("tokens per second, all streams together")
    axes.legend()
    ratios = [
        number(Spread.ratio(results[streams][generating.OURS], results[streams][name]).median)
        for streams, name in ((one, generating.IN_TURN), (most, generating.BATCHED))
    ]
    return save(
        figure,
        f"gpt_generate writes {ratios[0]} times the tokens of raw onnxruntime with 1 stream,\n"
        f"and {ratios[1]} times those of a batch made by hand with {most}",
        path,
    )


def precision(results: precisions.Results, path: Path) -> str:
    """Draw latency and size of the precisions, as ratios to fp32."""
    figure, panels = pyplot.subplots(1, 2, sharey=True)
    colours = {"fp16": PALE[OURS], "int8": OURS}
    for axes, title, ratio in (
        (panels[0], "time of a run", precisions.latency_ratio),
        (panels[1], "size of the file", precisions.size_ratio),
    ):
        bars(
            axes,
            list(results),
            [
                (name, colour, [ratio(by_precision, name) for by_precision in results.values()])
                for name, colour in colours.items()
            ],
        )
        axes.axhline(1, color=BASE, linewidth=1, zorder=0)
        axes.annotate("fp32", (-0.45, 1), (0, 3), textcoords="offset points", fontsize=7)
        axes.set_title(f"{title}, as a ratio to fp32")
    panels[1].legend()
    int8, fp16 = (
        number(precisions.latency_ratio(results["gpt_mini"], name).median)
        for name in ("int8", "fp16")
    )
    return save(
        figure, f"gpt_mini on a CPU takes {int8} times as long in int8, and {fp16} in fp16", path
    )

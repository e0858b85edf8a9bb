"""What Kayenta makes of two versions' values, row by row."""

from __future__ import annotations

from typing import Any

import pytest
from exams import each_row, exam, number
from rollway.gates import ranks
from rollway.gates.judges.kayenta import Classified, Label, Metric, classify, prepared, score
from rollway.gates.ranks import shift, standing

TABLE = exam("kayenta-judge")
WORSE: dict[str, Any] = {"either": "either", "increase": "higher", "decrease": "lower"}
EFFECT: dict[str, Any] = {"meanRatio": "ratio", "cles": "larger"}
LABELS = {
    "Pass": Label.PASS, "High": Label.HIGH, "Low": Label.LOW, "Nodata": Label.NO_DATA, "NodataFailMetric": Label.LACKS_DATA,
}  # fmt: skip
WITHOUT = {"IQR": ranks.without_outliers, "KSigma": ranks.within_deviations}
NOT_OURS = {
    "meanInequality": "two means that differ are no evidence",
    "randomClassifier": "a coin decides nothing here",
    "summary": "nothing here is told of a series but what is compared",
    "cohenD": "the sizes of an effect are the ratio of the means and how often one is larger",
}


def rows(part: str) -> pytest.MarkDecorator:
    return each_row(TABLE.get(part, []))


def floats(values: list[Any]) -> list[float]:
    return [float(number(value)) for value in values]


def skip_foreign(name: str) -> None:
    if name in NOT_OURS:
        pytest.skip(NOT_OURS[name])


@rows("classifier")
def test_a_metric(row: dict[str, Any]) -> None:
    params, wanted = row["params"], row["expect"]
    skip_foreign(params["classifier"])
    metric = Metric(
        worse=WORSE[params["direction"]],
        tolerance=params["tolerance"],
        confidence=params["confidenceLevel"],
        is_critical=params["isCritical"],
        must_have_data=params["mustHaveData"],
        replaces_nan=params["nanStrategy"] == "replace",
        effect=EFFECT[params["effectSizeMeasure"]],
        allowed=tuple(params["allowed"]),
        critical_from=tuple(params["critical"]),
    )
    found = classify(metric, *(prepared(metric, floats(row[side])) for side in ("control", "experiment")))
    if "classification" in wanted:
        assert found.label == LABELS[wanted["classification"]]
    if "critical" in wanted:
        assert found.is_critical == wanted["critical"]
    if "deviation" in wanted:
        assert found.effect == pytest.approx(number(wanted["deviation"]), rel=1e-3, nan_ok=True)
    if wanted.get("hasReason"):
        assert found.why


@rows("scorer")
def test_a_score(row: dict[str, Any]) -> None:
    found = {each["name"]: Classified(LABELS[each["classification"]], each["critical"]) for each in row["metrics"]}
    groups = {each["name"]: each["groups"] for each in row["metrics"]}
    assert score(found, groups, row["groupWeights"]) == pytest.approx(row["expect"]["summaryScore"])


@rows("mannWhitney")
def test_ranks(row: dict[str, Any]) -> None:
    new, stable = floats(row["x"]), floats(row["y"])
    if row["fn"] == "wilcoxonDiff":
        for point in row["points"]:
            seen = standing(new, stable, point["mu"]) - point["quantile"]
            assert seen == pytest.approx(point["result"], abs=row["tolerance"])
        return
    found = shift(new, stable, row["confidenceLevel"])
    assert (found.low, found.high) == pytest.approx((row["lower"], row["upper"]), abs=row["tolerance"])
    assert found.estimate == pytest.approx(row["estimate"], abs=row.get("estimateTolerance", row["tolerance"]))


@rows("statistic")
def test_a_statistic(row: dict[str, Any]) -> None:
    skip_foreign(row["fn"])
    if row["fn"] == "percentileR7":
        for point in row["points"]:
            assert ranks.percentile(floats(row["data"]), point["p"]) == pytest.approx(point["result"], abs=point["tolerance"])
        return
    of = {"meanRatio": ranks.mean_ratio, "cles": ranks.larger_share}[row["fn"]]
    seen = of(floats(row["experiment"]), floats(row["control"]))
    assert seen == pytest.approx(number(row["result"]), abs=row["tolerance"], nan_ok=True)


@rows("outlier")
def test_an_outlier(row: dict[str, Any]) -> None:
    kept = WITHOUT[row["detector"]](floats(row["data"]), row["factor"])
    assert [value not in kept for value in floats(row["data"])] == row["outlier"]


@rows("transform")
def test_what_is_left_out(row: dict[str, Any]) -> None:
    data = floats(row["data"])
    if row["op"] == "removeOutliers":
        seen = WITHOUT[row["detector"]](data, row["factor"])
    else:
        seen = prepared(Metric(replaces_nan=row["op"] == "replaceNaNs"), data)
    assert seen == floats(row["result"])

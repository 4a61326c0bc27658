"""A series is the same in whatever form it is written: any delimiter, encoding, decimal mark and form of times."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.lab.grid import Layout
from detectors.lab.readers import read
from detectors.reader.format import Format

STEPS = (60, 300, 900, 3600, 86_400)
STARTS = st.datetimes(datetime(2001, 10, 1), datetime(2032, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
FORMS = {
    "iso": lambda moment, _: f"{moment:%Y-%m-%d %H:%M:%S}",
    "T": lambda moment, _: f"{moment:%Y-%m-%dT%H:%M:%S}Z",
    "offset": lambda moment, _: f"{moment + timedelta(hours=3):%Y-%m-%d %H:%M:%S}+03:00",
    "slashes": lambda moment, _: f"{moment:%Y/%m/%d %H:%M:%S}",
    "american": lambda moment, _: f"{moment:%m/%d/%Y %I:%M:%S %p}",
    "german": lambda moment, _: f"{moment:%d.%m.%Y %H:%M:%S}",
    "words": lambda moment, _: f"{moment:%d %b %Y %H:%M:%S}",
    "seconds": lambda _, seconds: f"{seconds:.0f}",
    "milliseconds": lambda _, seconds: f"{seconds * 1000:.0f}",
    "microseconds": lambda _, seconds: f"{seconds * 1_000_000:.0f}",
    "digits": lambda moment, _: f"{moment:%Y%m%d%H%M%S}",
}
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(
    data=st.data(),
    start=STARTS,
    step=st.sampled_from(STEPS),
    values=st.lists(
        st.one_of(st.just(np.nan), st.integers(-9999, 99_999).map(lambda n: n / 100)), min_size=3, max_size=9
    ),
    form=st.sampled_from(sorted(FORMS)),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp1252"]),
    end=ENDS,
)
@settings(max_examples=60, deadline=None)
def test_any_form_is_the_same_series(
    data: st.DataObject,
    start: datetime,
    step: int,
    values: list[float],
    form: str,
    delimiter: str,
    encoding: str,
    end: str,
) -> None:
    decimal = "." if delimiter == "," else data.draw(st.sampled_from(".,"))
    note = {"cp1251": "участок", "cp1252": "café"}.get(encoding, "Süd, Север" if delimiter != "," else "Süd")
    moments = [start + timedelta(seconds=step * i) for i in range(len(values))]
    rows = [
        (FORMS[form](moment, (moment - datetime(1970, 1, 1)).total_seconds()),
         "" if np.isnan(value) else f"{value:.2f}".replace(".", decimal), note)
        for moment, value in zip(moments, values, strict=True)
    ]  # fmt: skip
    order = data.draw(st.permutations(rows))
    text = end.join([delimiter.join(["Time", "Value", "place"]), *(delimiter.join(row) for row in order), ""])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "views.csv"
        path.write_bytes(text.encode(encoding))
        (series,) = read(path, layout=Layout(), file_format=Format(day_first=form == "german"))
    assert (series.start, series.period) == (start, 86_400 // step)
    np.testing.assert_allclose(series.values, np.round(values, 2), atol=1e-9)

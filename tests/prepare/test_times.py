import datetime

import numpy as np
import pandas as pd
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.times import seconds


def table(*times: object) -> pd.DataFrame:
    return pd.DataFrame({"time": list(times), "line": range(2, len(times) + 2)})


def test_numbers_are_seconds_and_nonsense_is_none() -> None:
    np.testing.assert_array_equal(seconds(table("5", "1.5", "x", None), "f"), [5, 1.5, np.nan, np.nan])
    np.testing.assert_array_equal(seconds(table(5, 2**40), "f"), [5, 2**40])


def test_iso_dates_and_moments() -> None:
    found = seconds(table("1970-01-02", "1970-01-01T01:00:00+01:00", "1970-01-01 00:00:09.5", "x", None), "f")
    np.testing.assert_array_equal(found, [86_400, 0, 9.5, np.nan, np.nan])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_typed_moments(unit: str, zone: str | None) -> None:
    moments = pd.Series(pd.to_datetime([1_600_000_000, 1_600_000_001], unit="s", utc=True))
    typed = moments.dt.tz_convert(zone) if zone else moments.dt.tz_localize(None)
    found = seconds(table().assign(time=typed.dt.as_unit(unit)), "f")
    assert found.tolist() == [1_600_000_000, 1_600_000_001]


def test_typed_dates() -> None:
    assert seconds(table(datetime.date(1970, 1, 3)), "f").tolist() == [2 * 86_400]


@pytest.mark.parametrize(
    ("times", "name", "time_format"),
    [
        (("20200131", "20200201"), "YYYYMMDD", "%Y%m%d"),
        ((20200131, 20200201), "YYYYMMDD", "%Y%m%d"),
        ((20200131.0, 20200201.0), "YYYYMMDD", "%Y%m%d"),
        (("2020013123", "2020020100"), "YYYYMMDDHH", "%Y%m%d%H"),
        (("202001312359", "202002010000"), "YYYYMMDDHHMM", "%Y%m%d%H%M"),
        (("20200131235959", "20200201000000"), "YYYYMMDDHHMMSS", "%Y%m%d%H%M%S"),
        (("20200131", "20200230", "20200201"), "YYYYMMDD", "%Y%m%d"),
    ],
)
def test_dates_written_as_numbers_are_named_and_read_by_the_format_that_the_error_names(
    times: tuple[object, ...], name: str, time_format: str
) -> None:
    with pytest.raises(CtrbenchError) as error:
        seconds(table(*times), "mine.csv")
    assert f"mine.csv: times such as {int(float(str(times[0])))} look like {name}," in str(error.value)
    assert f'set options.time_format = "{time_format}" on the card' in str(error.value)
    found = seconds(table(*times), "mine.csv", time_format).dropna()
    assert found.between(1_580_428_800, 1_580_601_600).all()
    assert len(found) == 2
    assert seconds(table(*times), "mine.csv", "seconds").tolist() == [float(str(time)) for time in times]


def test_seconds_of_every_year_until_2032_are_no_dates() -> None:
    days = np.arange(0, 1_969_000_000, 86_400 * 3 + 4567)
    assert seconds(table(*days), "f").tolist() == days.tolist()
    # A log of half a day in August 1970, or of its own clock, may lie in the range of YYYYMMDD.
    clock = np.arange(20_200_000, 20_243_200, 7)
    assert seconds(table(*clock), "f").tolist() == clock.tolist()


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (
            ("2020-01-01", "2020-01-02", "20200103"),
            "mine.csv, line 4: time '20200103' is among dates (1 such lines)",
        ),
        (
            ("2020-01-01", "1577836800", "1577836801"),
            "mine.csv, line 2: time '2020-01-01' is among numbers (1 such",
        ),
    ],
)
def test_a_number_among_dates_or_a_date_among_numbers_is_named(times: tuple[str, ...], message: str) -> None:
    with pytest.raises(CtrbenchError) as error:
        seconds(table(*times), "mine.csv")
    assert message in str(error.value)
    assert str(error.value).endswith("mend the file or set options.time_format on the card")


def test_formats_of_the_card() -> None:
    assert seconds(table("02.01.1970 01:00", "x"), "f", "%d.%m.%Y %H:%M").tolist()[0] == 90_000
    assert seconds(table("1391040000000", 1_391_040_000_500), "f", "milliseconds").tolist() == [
        1_391_040_000,
        1_391_040_000.5,
    ]
    with pytest.raises(CtrbenchError, match=r"options\.time_format: '%Y%Q' is not a valid format"):
        seconds(table("2020"), "f", "%Y%Q")

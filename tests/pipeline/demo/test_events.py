from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.core.errors import SettingsError
from pipeline.demo.events import Columns, DayEvents, generate
from pipeline.demo.rates import slot_rates
from pipeline.demo.scenario import LabelledIncident, Scenario, default_incidents

# Sunday to Tuesday; few enough events for every test, and enough for its statistics.
SCENARIO = Scenario(
    first_day=date(2026, 3, 1), days=3, users=2_000, views_per_day=40_000, messages_per_day=4_000, seed=7
)
NOON = datetime(2026, 3, 3, 9, tzinfo=UTC)  # in Moscow, on the last day


def table(scenario: Scenario, name: str) -> Columns:
    """One table over all days."""
    days = [getattr(day, name) for day in generate(scenario)]
    return {column: np.concatenate([day[column] for day in days]) for column in days[0]}


def rows(columns: Columns, mask: NDArray[np.bool_]) -> Columns:
    return {name: column[mask] for name, column in columns.items()}


def same(one: Columns, other: Columns) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def same_day(one: DayEvents, other: DayEvents) -> bool:
    tables = [(one.feed_actions, other.feed_actions), (one.message_actions, other.message_actions)]
    return one.day == other.day and all(same(*pair) for pair in tables)


def within(columns: Columns, incident: LabelledIncident) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = columns["time"] >= incident.start.timestamp()
    return inside & (columns["time"] < incident.end.timestamp())


def per_slot(columns: Columns, start: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount((columns["time"] - start[0]) // 900, minlength=start.size)


class TestSeed:
    def test_same_seed_same_events(self) -> None:
        assert all(same_day(*days) for days in zip(generate(SCENARIO), generate(replace(SCENARIO)), strict=True))

    def test_an_incident_has_the_seed_of_the_first_version(self) -> None:
        """The documents quote the demo's numbers: a renamed class must not move them."""
        start = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
        incident = LabelledIncident("drop", start, start + timedelta(minutes=90), "likes", -0.5, "os", "iOS")
        assert incident.seed == (
            "Incident(kind='drop', start=datetime.datetime(2026, 11, 20, 9, 30, tzinfo=datetime.timezone.utc), "
            "end=datetime.datetime(2026, 11, 20, 11, 0, tzinfo=datetime.timezone.utc), events='likes', size=-0.5, "
            "dimension='os', dimension_value='iOS')"
        )

    def test_another_seed_other_events(self) -> None:
        one, other = next(generate(SCENARIO)), next(generate(replace(SCENARIO, seed=8)))
        assert not np.array_equal(one.feed_actions["time"], other.feed_actions["time"])

    def test_a_day_alone_is_the_day_in_the_run(self) -> None:
        scenario = replace(SCENARIO, incidents=default_incidents(NOON), until=NOON)
        for index, day in enumerate(generate(scenario)):
            assert same_day(next(generate(scenario, [index])), day)

    def test_more_days_keep_the_days_before(self) -> None:
        longer = generate(replace(SCENARIO, days=4))
        assert all(same_day(*days) for days in zip(generate(SCENARIO), longer, strict=False))


class TestDays:
    @pytest.mark.parametrize(
        ("day", "slots"), [(date(2026, 3, 28), 96), (date(2026, 3, 29), 92), (date(2026, 10, 25), 100)]
    )
    def test_a_day_is_a_day_of_the_zone(self, day: date, slots: int) -> None:
        scenario = replace(SCENARIO, first_day=day, days=1, timezone="Europe/Berlin", users=50)
        start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
        time = next(generate(scenario)).feed_actions["time"]
        assert time.min() >= start
        assert slots * 900 - 900 < time.max() - start < slots * 900

    def test_types_are_those_of_the_source(self) -> None:
        day = next(generate(SCENARIO))
        attributes = {
            "time": "int64", "gender": "int8", "age": "int16", "country": "object", "city": "object", "os": "object",
            "source": "object", "exp_group": "int8", "user_id": "uint32",
        }  # fmt: skip
        feed = attributes | {"post_id": "uint32", "action": "object"}
        assert {name: str(column.dtype) for name, column in day.feed_actions.items()} == feed
        messages = attributes | {"receiver_id": "uint32"}
        assert {name: str(column.dtype) for name, column in day.message_actions.items()} == messages
        assert {type(value) for value in day.feed_actions["country"]} == {str}

    def test_until_cuts_the_last_day_and_nothing_else(self) -> None:
        for name in ("feed_actions", "message_actions"):
            whole = table(SCENARIO, name)
            cut = table(replace(SCENARIO, until=NOON), name)
            assert same(cut, rows(whole, whole["time"] < NOON.timestamp()))

    def test_rows_are_in_order_of_time(self) -> None:
        for name in ("feed_actions", "message_actions"):
            assert (np.diff(table(SCENARIO, name)["time"]) >= 0).all()


class TestRates:
    """The noise and the shapes, recovered from rates and counts."""

    LONG = Scenario(first_day=date(2026, 1, 5), days=140, seed=3)

    def test_noise_has_the_sd_and_phi_asked_for_and_runs_through_midnight(self) -> None:
        noisy, quiet = slot_rates(self.LONG), slot_rates(replace(self.LONG, noise_sd=0.0))
        for name, sd in (("views", 0.03), ("messages", 0.03), ("ctr", 0.01)):
            noise = np.log(getattr(noisy, name) / getattr(quiet, name))
            # 13,440 values with phi 0.9 estimate the sd to 2 % and phi to 0.004; 139 midnights estimate it to 6 %.
            assert np.std(noise) == pytest.approx(sd, rel=0.09)
            assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0.9, abs=0.02)
            midnight = np.diff(noise)[95::96]
            assert np.std(midnight) == pytest.approx(sd * np.sqrt(2 * (1 - 0.9)), rel=0.25)

    def test_noises_of_views_and_messages_are_unrelated(self) -> None:
        noisy, quiet = slot_rates(self.LONG), slot_rates(replace(self.LONG, noise_sd=0.0))
        views, messages = np.log(noisy.views / quiet.views), np.log(noisy.messages / quiet.messages)
        assert abs(np.corrcoef(views, messages)[0, 1]) < 0.15

    def test_averages_are_those_asked_for(self) -> None:
        quiet = slot_rates(replace(self.LONG, noise_sd=0.0))
        assert quiet.views.sum() / 140 == pytest.approx(700_000)
        assert quiet.messages.sum() / 140 == pytest.approx(15_000)
        assert slot_rates(self.LONG).views.sum() / 140 == pytest.approx(700_000, rel=0.01)

    def test_counts_are_poisson_around_the_rates(self) -> None:
        rates = slot_rates(SCENARIO)
        feed, messages = table(SCENARIO, "feed_actions"), table(SCENARIO, "message_actions")
        views = rows(feed, feed["action"] == "view")
        for counts, rate in (
            (per_slot(views, rates.start), rates.views),
            (per_slot(messages, rates.start), rates.messages),
        ):
            dispersion = np.mean((counts - rate) ** 2 / rate)  # chi-square with 288 degrees of freedom, over 288
            assert dispersion == pytest.approx(1.0, abs=5 * np.sqrt(2 / 288))

    def test_days_of_equal_rates_differ(self) -> None:
        sunday, next_sunday = generate(replace(SCENARIO, noise_sd=0.0, days=8), [0, 7])
        for name in ("feed_actions", "message_actions"):
            since_midnight = [getattr(day, name)["time"] % 86_400 for day in (sunday, next_sunday)]
            assert since_midnight[0].size > 1_000
            assert not np.array_equal(*since_midnight)

    def test_noise_does_not_move_the_average(self) -> None:
        noisy, quiet = (slot_rates(replace(self.LONG, noise_sd=sd, days=700)) for sd in (0.3, 0.0))
        # exp of the noise alone would be 4.6 % too high; 700 days estimate its mean to 0.5 %.
        assert np.mean(noisy.views / quiet.views) == pytest.approx(1, abs=0.02)

    def test_day_is_local_and_peaks_in_the_evening(self) -> None:
        for timezone in ("Europe/Moscow", "Asia/Tokyo"):
            scenario = replace(SCENARIO, timezone=timezone)
            rates = slot_rates(scenario)
            hours = np.array([datetime.fromtimestamp(s, ZoneInfo(timezone)).hour for s in rates.start.tolist()])
            by_hour = np.array([rates.views[hours == hour].mean() for hour in range(24)])
            assert by_hour.argmax() in range(18, 22)
            assert by_hour.argmin() in range(2, 6)
            assert by_hour.max() > 4 * by_hour.min()

    def test_weekends_differ_from_weekdays(self) -> None:
        quiet = slot_rates(replace(self.LONG, noise_sd=0.0))
        weeks = quiet.views.reshape(-1, 7, 96).sum(axis=2)
        assert np.allclose(weeks, weeks[0])
        assert weeks[0, 5:].min() > weeks[0, :5].max()


class TestFeed:
    def test_ctr_is_a_fifth(self) -> None:
        action = table(SCENARIO, "feed_actions")["action"]
        likes, views = np.count_nonzero(action == "like"), np.count_nonzero(action == "view")
        # 24,000 likes: a sampling error of 0.6 %, and the noise of three days.
        assert likes / views == pytest.approx(0.20, rel=0.04)
        assert likes + views == action.size

    def test_a_like_follows_a_view_of_the_same_user_and_post_in_its_slot(self) -> None:
        waiting: dict[tuple[Any, ...], int] = {}  # views that may still be liked
        for day in generate(replace(SCENARIO, incidents=default_incidents(NOON))):
            feed = day.feed_actions
            keys = zip(*(feed[name].tolist() for name in ("user_id", "post_id", "os", "time", "action")), strict=True)
            for user, post, os, time, action in keys:
                key = (user, post, os, time // 900)
                waiting[key] = waiting.get(key, 0) + (1 if action == "view" else -1)
                assert waiting[key] >= 0

    def test_activity_is_heavy_tailed(self) -> None:
        _, counts = np.unique(table(SCENARIO, "feed_actions")["user_id"], return_counts=True)
        top_tenth = np.sort(counts)[::-1][: counts.size // 10].sum()
        assert top_tenth > 0.3 * counts.sum()
        assert np.median(counts) < counts.mean() / 2


class TestPeople:
    def test_attributes_stay_with_the_user(self) -> None:
        feed, messages = table(SCENARIO, "feed_actions"), table(SCENARIO, "message_actions")
        for name in ("gender", "age", "country", "city", "source", "exp_group"):
            users = np.concatenate([feed["user_id"], messages["user_id"]])
            values = np.concatenate([feed[name], messages[name]])
            pairs = set(zip(users.tolist(), values.tolist(), strict=True))
            assert len(pairs) == np.unique(users).size
            assert len({value for _, value in pairs}) > 1

    def test_some_have_two_devices(self) -> None:
        feed = table(replace(SCENARIO, views_per_day=200_000), "feed_actions")
        devices: dict[int, set[str]] = {}
        for user, os in zip(feed["user_id"].tolist(), feed["os"].tolist(), strict=True):
            devices.setdefault(user, set()).add(os)
        share = np.mean([len(used) == 2 for used in devices.values()])
        assert share == pytest.approx(0.08, abs=0.025)  # of 1,800 readers; some have too few events to show both

    def test_ages_countries_and_cities_have_a_spread(self) -> None:
        feed = table(SCENARIO, "feed_actions")
        users, first = np.unique(feed["user_id"], return_index=True)
        ages, countries = feed["age"][first], feed["country"][first]
        assert ages.min() >= 13
        assert 20 < np.median(ages) < 35
        assert np.count_nonzero(ages > 45) > 10
        names, counts = np.unique(countries.astype(str), return_counts=True)
        assert names.size > 20
        assert counts.max() > 0.4 * users.size > 20 * counts.min()
        assert all(len(set(feed["city"][feed["country"] == name])) > 1 for name in ("Russia", "Ukraine"))

    def test_some_only_receive_messages(self) -> None:
        feed, messages = table(SCENARIO, "feed_actions"), table(SCENARIO, "message_actions")
        actors = np.union1d(feed["user_id"], messages["user_id"])
        silent = np.setdiff1d(messages["receiver_id"], actors)
        # 5 % of 2,000 never act; some readers have no events in these days.
        assert 60 < silent.size < 200

    def test_messages_are_a_graph_of_friends(self) -> None:
        messages = table(replace(SCENARIO, messages_per_day=40_000), "message_actions")
        assert (messages["user_id"] != messages["receiver_id"]).all()
        pairs = np.unique(np.column_stack([messages["user_id"], messages["receiver_id"]]), axis=0)
        _, partners = np.unique(pairs[:, 0], return_counts=True)
        assert 2 < partners.mean() < 8
        assert partners.max() <= 12
        assert pairs.shape[0] < messages["user_id"].size / 5  # friends write to each other repeatedly
        writes_most = np.bincount(messages["user_id"]).argmax()
        _, letters = np.unique(messages["receiver_id"][messages["user_id"] == writes_most], return_counts=True)
        assert letters.max() > 1.5 * letters.mean()


class TestIncidents:
    CASES = (
        LabelledIncident("outage", NOON - timedelta(hours=4), NOON - timedelta(hours=2), "messages", -1.0),
        LabelledIncident("spike", NOON - timedelta(hours=30), NOON - timedelta(hours=27), "views", 0.6),
        LabelledIncident("drop", NOON - timedelta(hours=3), NOON, "likes", -0.5, "os", "iOS"),
        LabelledIncident("rise", NOON - timedelta(hours=3), NOON, "likes", 0.5, "os", "Android"),
        LabelledIncident(
            "level shift", NOON - timedelta(hours=40), NOON - timedelta(hours=10), "views", -0.25, "source", "ads"
        ),
        LabelledIncident(
            "shift", NOON - timedelta(hours=40), NOON - timedelta(hours=10), "messages", 0.5, "gender", "1"
        ),
        LabelledIncident(
            "country", NOON - timedelta(hours=40), NOON - timedelta(hours=10), "views", -0.8, "country", "Russia"
        ),
    )

    @staticmethod
    def affected(incident: LabelledIncident, scenario: Scenario) -> Columns:
        """The events of the incident's kind in the scenario, in its slice."""
        name = "message_actions" if incident.events == "messages" else "feed_actions"
        columns = table(scenario, name)
        if name == "feed_actions":
            columns = rows(columns, columns["action"] == incident.events.removesuffix("s"))
        return columns

    @pytest.mark.parametrize("incident", CASES, ids=lambda incident: incident.kind)
    def test_size_is_seen_in_the_slice_and_nowhere_else(self, incident: LabelledIncident) -> None:
        before = self.affected(incident, SCENARIO)
        after = self.affected(incident, replace(SCENARIO, incidents=(incident,)))
        hit = []
        for columns in (before, after):
            in_slice = np.ones(columns["time"].size, dtype=bool)
            if incident.dimension != "total":
                in_slice = columns[incident.dimension].astype(str) == incident.dimension_value
            hit.append(in_slice & within(columns, incident))
        expected, actual = np.count_nonzero(hit[0]), np.count_nonzero(hit[1])
        assert expected > 100
        # 5 sd of the number of events lost or added; an outage leaves exactly nothing.
        tolerance = 5 * np.sqrt(expected * abs(incident.size) * (1 if incident.size > 0 else 1 + incident.size))
        assert actual - expected == pytest.approx(incident.size * expected, abs=tolerance)
        assert same(rows(before, ~hit[0]), rows(after, ~hit[1]))

    @pytest.mark.parametrize("incident", CASES, ids=lambda incident: incident.kind)
    def test_outside_its_slots_everything_is_the_same(self, incident: LabelledIncident) -> None:
        for name in ("feed_actions", "message_actions"):
            before, after = table(SCENARIO, name), table(replace(SCENARIO, incidents=(incident,)), name)
            assert same(rows(before, ~within(before, incident)), rows(after, ~within(after, incident)))

    def test_incidents_do_not_disturb_one_another(self) -> None:
        dip = LabelledIncident("dip", NOON - timedelta(hours=4), NOON - timedelta(hours=3), "views", -0.5)
        incidents = (*default_incidents(NOON), dip)
        for incident in incidents:
            others = tuple(other for other in incidents if other != incident)
            for name in ("feed_actions", "message_actions"):
                without, with_it = (table(replace(SCENARIO, incidents=some), name) for some in (others, incidents))
                assert same(rows(without, ~within(without, incident)), rows(with_it, ~within(with_it, incident)))

    def test_views_take_their_likes_along(self) -> None:
        incident = replace(self.CASES[1], size=2.0)
        feed = table(replace(SCENARIO, incidents=(incident,)), "feed_actions")
        action = feed["action"][within(feed, incident)]
        likes, views = np.count_nonzero(action == "like"), np.count_nonzero(action == "view")
        assert likes / views == pytest.approx(0.20, abs=5 * np.sqrt(0.2 * 0.8 / views) + 0.01)

    def test_defaults_are_those_of_the_demo(self) -> None:
        end = datetime(2026, 3, 3, 9, 7, 30, tzinfo=UTC)
        incidents = default_incidents(end)
        assert incidents == default_incidents(NOON)  # the slot's start
        listed = {(i.kind, i.events, i.dimension_value, i.size, i.end - i.start) for i in incidents}
        assert listed == {
            ("outage", "messages", "all", -1.0, timedelta(minutes=75)),
            ("drop", "likes", "iOS", -0.5, timedelta(minutes=90)),
            ("spike", "views", "all", 0.6, timedelta(minutes=45)),
            ("level shift", "views", "ads", -0.25, timedelta(days=4)),
        }
        recent = [i for i in incidents if i.kind != "level shift"]
        assert all(NOON - timedelta(hours=8) <= i.start < i.end <= NOON for i in recent)
        in_time = sorted(incidents, key=lambda i: i.start)
        assert all(earlier.end <= later.start for earlier, later in zip(in_time, in_time[1:], strict=False))


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"days": 0}, "days"),
            ({"seed": -1}, "seed"),
            ({"users": 5}, "users"),
            ({"views_per_day": -1.0}, "negative number of events"),
            ({"likes_share": 0.9}, "likes_share"),
            ({"noise_phi": 1.0}, "noise_phi"),
            ({"noise_sd": -0.1}, "noise_sd"),
            ({"timezone": "Mars/Olympus"}, "Mars/Olympus"),
            ({"until": NOON - timedelta(days=1)}, "until"),
            ({"until": NOON.replace(tzinfo=None)}, "until"),
        ],
    )
    def test_scenario_names_what_is_wrong(self, change: dict[str, Any], named: str) -> None:
        with pytest.raises(SettingsError, match=named):
            replace(SCENARIO, **change)

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"start": NOON.replace(tzinfo=None)}, "aware"),
            ({"start": NOON - timedelta(minutes=5)}, "15-minute"),
            ({"end": NOON - timedelta(days=1)}, "not after its start"),
            ({"events": "clicks"}, "clicks"),
            ({"dimension": "shoe_size"}, "shoe_size"),
            ({"size": -1.5}, "-1.5"),
            ({"size": float("nan")}, "nan"),
        ],
    )
    def test_incident_names_what_is_wrong(self, change: dict[str, Any], named: str) -> None:
        incident = LabelledIncident("spike", NOON - timedelta(hours=1), NOON, "views", 0.6)
        with pytest.raises(SettingsError, match=named):
            replace(incident, **change)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    users=st.integers(20, 60),
    views=st.floats(0, 500),
    messages=st.floats(0, 200),
    zone=st.sampled_from(["UTC", "Europe/Moscow", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    first_day=st.dates(date(2011, 12, 1), date(2030, 1, 1)),
)
def test_any_small_scenario_keeps_the_rules(
    seed: int, users: int, views: float, messages: float, zone: str, first_day: date
) -> None:
    scenario = Scenario(
        first_day=first_day, days=2, seed=seed, timezone=zone, users=users, views_per_day=views,
        messages_per_day=messages,
    )  # fmt: skip
    for index, day in enumerate(generate(scenario)):
        for columns in (day.feed_actions, day.message_actions):
            assert len({column.size for column in columns.values()}) == 1
            times = columns["time"]
            assert ((times >= scenario.day_start(index)) & (times < scenario.day_start(index + 1))).all()
        assert (day.message_actions["user_id"] != day.message_actions["receiver_id"]).all()

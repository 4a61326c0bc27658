"""The users of the demo: their attributes, their activity and their friends."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OS_NAMES = np.array(["Android", "iOS"], dtype=object)

# A country's share falls as 1 / rank ** 1.7: half of the users live in the first. Its cities have equal shares.
COUNTRIES: dict[str, tuple[str, ...]] = {
    "Russia": ("Moscow", "Saint Petersburg", "Novosibirsk", "Yekaterinburg", "Kazan", "Samara", "Omsk", "Perm", "Ufa"),
    "Ukraine": ("Kyiv", "Kharkiv", "Odesa", "Lviv"),
    "Belarus": ("Minsk", "Gomel", "Brest", "Vitebsk"),
    "Kazakhstan": ("Almaty", "Astana", "Shymkent"),
    "Azerbaijan": ("Baku", "Ganja"),
    "Turkey": ("Istanbul", "Ankara", "Izmir"),
    "Finland": ("Helsinki", "Tampere"),
    "Egypt": ("Cairo", "Alexandria"),
    "Uzbekistan": ("Tashkent", "Samarkand"),
    "Armenia": ("Yerevan", "Gyumri"),
    "Georgia": ("Tbilisi", "Batumi"),
    "Germany": ("Berlin", "Hamburg", "Munich"),
    "Latvia": ("Riga", "Liepaja"),
    "Thailand": ("Bangkok", "Phuket"),
    "Cyprus": ("Limassol", "Nicosia"),
    "Estonia": ("Tallinn", "Tartu"),
    "Lithuania": ("Vilnius", "Kaunas"),
    "Switzerland": ("Zurich", "Geneva"),
    "Kyrgyzstan": ("Bishkek", "Osh"),
    "Moldova": ("Chisinau",),
    "Israel": ("Tel Aviv", "Haifa"),
    "Serbia": ("Belgrade", "Novi Sad"),
    "Poland": ("Warsaw", "Krakow"),
    "Côte d'Ivoire": ("Abidjan",),
}
FIRST_USER_ID = 100
FEWEST_USERS = 20
MOST_FRIENDS = 12

# Shares of users by behaviour; all others only read the feed. Users who only receive create no events.
ONLY_RECEIVE, ONLY_WRITE, READ_AND_WRITE = 0.05, 0.05, 0.25
TWO_DEVICES = 0.08
SECOND_DEVICE_EVENTS = 0.3


@dataclass(frozen=True, eq=False)
class Population:
    """All users, by index from 0 to N - 1.

    Attributes
    ----------
    user_id, gender, age, country, city, source, exp_group : numpy.ndarray
        Shape (N,), with the types of the source tables (texts are objects).
    os : numpy.ndarray
        Shape (N,), index into `OS_NAMES` of the main device.
    two_devices : numpy.ndarray
        Shape (N,), bool: some events of the user come from the other os.
    reading, writing : numpy.ndarray
        Shape (N,), cumulative shares of the users in views and in messages.
    friends : numpy.ndarray
        Shape (N, MOST_FRIENDS), indexes of users, closest friends first.
    friend_count : numpy.ndarray
        Shape (N,), number of `friends` that the user writes to.
    """

    user_id: NDArray[np.uint32]
    gender: NDArray[np.int8]
    age: NDArray[np.int16]
    country: NDArray[np.object_]
    city: NDArray[np.object_]
    source: NDArray[np.object_]
    exp_group: NDArray[np.int8]
    os: NDArray[np.int8]
    two_devices: NDArray[np.bool_]
    reading: NDArray[np.float64]
    writing: NDArray[np.float64]
    friends: NDArray[np.int64]
    friend_count: NDArray[np.int64]

    def event_os(self, rng: np.random.Generator, user: NDArray[np.int64]) -> NDArray[np.int8]:
        """Draw the device (index into `OS_NAMES`) of one event per user in `user`."""
        other = self.two_devices[user] & (rng.random(user.size, dtype=np.float32) < SECOND_DEVICE_EVENTS)
        return self.os[user] ^ other.view(np.int8)

    def recipients(self, rng: np.random.Generator, sender: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw the recipient of one message per user in `sender`; closer friends get more."""
        rank = (self.friend_count[sender] * rng.random(sender.size) ** 2).astype(np.int64)
        return self.friends[sender, rank]


def draw_users(rng: np.random.Generator, cumulative_share: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Draw `size` users by cumulative shares, `Population.reading` or `Population.writing`."""
    return np.searchsorted(cumulative_share, rng.random(size), side="right")


def populate(rng: np.random.Generator, users: int) -> Population:
    """Generate `users` users, at least `FEWEST_USERS`."""
    country, city = _places(rng, users)
    role = (rng.permutation(users) + 0.5) / users  # exact shares, so that even a small population has every role
    only_receives, only_writes = role < ONLY_RECEIVE, (role >= ONLY_RECEIVE) & (role < ONLY_RECEIVE + ONLY_WRITE)
    writes = (role >= ONLY_RECEIVE) & (role < ONLY_RECEIVE + ONLY_WRITE + READ_AND_WRITE)
    return Population(
        user_id=np.arange(FIRST_USER_ID, FIRST_USER_ID + users, dtype=np.uint32),
        gender=(rng.random(users) < 0.55).astype(np.int8),
        age=np.clip(12 + rng.gamma(3.0, 5.0, users), 13, 90).astype(np.int16),
        country=country,
        city=city,
        source=np.where(rng.random(users) < 0.4, "ads", "organic").astype(object),
        exp_group=rng.integers(0, 5, users, dtype=np.int8),
        os=(rng.random(users) < 0.4).astype(np.int8),
        two_devices=rng.random(users) < TWO_DEVICES,
        reading=_shares(rng, ~only_receives & ~only_writes, sigma=1.5),
        writing=_shares(rng, writes, sigma=1.2),
        friends=_friends(rng, users),
        friend_count=np.minimum(1 + rng.geometric(0.25, users), MOST_FRIENDS),
    )


def _shares(rng: np.random.Generator, active: NDArray[np.bool_], sigma: float) -> NDArray[np.float64]:
    """Cumulative shares of the log-normal activity of the `active` users."""
    activity = np.where(active, rng.lognormal(0.0, sigma, active.size), 0.0)
    cumulative = np.cumsum(activity)
    shares: NDArray[np.float64] = cumulative / cumulative[-1]
    return shares


def _friends(rng: np.random.Generator, users: int) -> NDArray[np.int64]:
    """Draw friends for every user, popular users more often and never the user itself."""
    popularity = np.cumsum(rng.lognormal(0.0, 1.0, users))
    friends = draw_users(rng, popularity / popularity[-1], users * MOST_FRIENDS).reshape(users, MOST_FRIENDS)
    oneself = friends == np.arange(users)[:, None]
    friends[oneself] = (friends[oneself] + 1) % users
    return friends


def _places(rng: np.random.Generator, users: int) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    places: NDArray[Any] = np.array(
        [(country, city) for country, cities in COUNTRIES.items() for city in cities], object
    )
    share = np.concatenate(
        [np.full(len(cities), rank**-1.7 / len(cities)) for rank, cities in enumerate(COUNTRIES.values(), start=1)]
    )
    place = places[rng.choice(len(places), users, p=share / share.sum())]
    return place[:, 0], place[:, 1]

"""The same events in tables whose columns have other types and names: what is loaded must stay the same."""

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st

from pipeline.warehouse.engines import Engine
from tests.pipeline.etl.running import USUAL

IDS = ("user_id", "receiver_id")
TABLES = {"feed": "feed_actions", "messages": "message_actions"}
OLD, NEW = "of all versions", "of new versions"


@dataclass(frozen=True)
class Form:
    """A type, and the SQL that makes its values of those of the plain column ``{}``."""

    kind: str
    sql: str = "{}"
    since: str = OLD


def _texts(values: str, length: int) -> list[Form]:
    """The forms of a text that is one of some values."""
    new = [Form(kind, since=NEW) for kind in ("LowCardinality(String)", "LowCardinality(Nullable(String))")]
    fixed, enum = f"FixedString({length})", f"Enum8({values})"
    made = f"toFixedString({{}}, {length})"
    return [
        Form("String"),
        Form("Nullable(String)", "nullIf({}, '')"),
        Form(fixed, made),
        Form(enum, f"CAST({{}} AS {enum})"),
        Form(f"Nullable({enum})", f"CAST({{}} AS {enum})"),
        Form(f"Nullable({fixed})", f"toNullable({made})"),
        *new,
    ]


def _integers(*kinds: str) -> list[Form]:
    return [Form(kind.format(name)) for name in kinds for kind in ("{}", "Nullable({})")]


_TEXT_ID = "if({} = 0, '', toString({}))"
_UUID = "toUUID(concat('00000000-0000-0000-0000-', substring(toString(1000000000000 + {}), 2)))"
ID_KINDS = {
    "number": _integers("UInt32", "UInt64", "Int64", "Int32"),
    "text": [
        Form("String", _TEXT_ID),
        Form("Nullable(String)", f"nullIf({_TEXT_ID}, '')"),
        Form("FixedString(12)", f"toFixedString({_TEXT_ID}, 12)"),
        Form("Nullable(FixedString(16))", f"toNullable(toFixedString({_TEXT_ID}, 16))"),
        Form("LowCardinality(String)", _TEXT_ID, NEW),
        Form("LowCardinality(Nullable(String))", f"nullIf({_TEXT_ID}, '')", NEW),
    ],
    "UUID": [
        Form("UUID", _UUID),
        Form("Nullable(UUID)", f"if({{}} = 0, NULL, {_UUID})"),
    ],
}
GENDER_KINDS = {
    "number": [*_integers("Int8", "Int64"), Form("Int16")],
    "text": [
        Form(form.kind, form.sql.replace("{}", "toString({})"), form.since)
        for form in _texts("'-1' = -1, '0' = 3, '1' = 7", 4)
    ],
}
TIMES = [
    *(Form(kind) for kind in ("DateTime", "DateTime('Asia/Kolkata')", "Nullable(DateTime('Europe/Berlin'))")),
    *(Form(f"DateTime64({digits})", since=NEW) for digits in (0, 1, 3, 6, 9)),
    Form("DateTime64(3, 'America/New_York')", since=NEW),
    Form("Nullable(DateTime64(6))", since=NEW),
]
ACTIONS = ("view", "like", "share")
SYSTEMS = ("iOS", "Android", 'it\'s, "new" 100%', "")
COUNTRIES = ("7", "44", "358")
CITIES = ("1", "20")
OTHERS = {
    "age": _integers("Int16", "Int32", "Int64"),
    "action": _texts("'view' = 1, 'like' = -2, 'share' = 100", 8),
    "os": _texts("'iOS' = 1, 'Android' = 2, 'it\\'s, \"new\" 100%' = 3, '' = -1", 20),
    "source": _texts("'ads' = 1, 'organic' = 2, '' = 3", 10),
    "country": [
        *_texts("'7' = 7, '44' = 44, '358' = 100", 3),
        *(Form(kind, f"to{kind}({{}})") for kind in ("UInt16", "Int64")),
    ],
    "city": [*_texts("'1' = 1, '20' = 2", 3), Form("UInt8", "toUInt8({})"), Form("Nullable(Int32)", "toInt32({})")],
    "exp_group": _integers("Int8", "UInt8"),
}
NAMES = ("uid", "from", "event-time", "Time", "user id", "os_name", "слово", "select", "a-b")


@dataclass(frozen=True)
class World:
    """Forms of the columns of both tables, and their names where these are not ours."""

    forms: Mapping[tuple[str, str], Form]
    """By table and our name of a column."""
    names: Mapping[tuple[str, str], str]
    """The same, for the name."""

    @property
    def setting(self) -> str:
        """``[source] columns``."""
        return ", ".join(f"{kind}.{ours}={theirs}" for (kind, ours), theirs in self.names.items())

    def declare(self, engine: Engine, database: str) -> None:
        """Make the tables anew, with the same events."""
        for kind, table in TABLES.items():
            plain = [name for name, *_ in engine.query(f"DESCRIBE TABLE {database}.{table}")]
            engine.execute(f"RENAME TABLE {database}.{table} TO {database}.plain_{table}")
            names = {ours: f"`{self.names.get((kind, ours), ours)}`" for ours in plain}
            forms = {ours: self.forms[kind, ours] for ours in plain}
            declared = ", ".join(f"{names[ours]} {form.kind}" for ours, form in forms.items())
            values = ", ".join(form.sql.replace("{}", ours) for ours, form in forms.items())
            target = f"{database}.{table}"
            engine.execute(f"CREATE TABLE {target} ({declared}) ENGINE = MergeTree ORDER BY tuple()")
            engine.execute(
                f"INSERT INTO {target} ({', '.join(names.values())}) SELECT {values} FROM {database}.plain_{table}"
            )


@st.composite
def worlds(draw: st.DrawFn, is_new: bool, genders: str = "") -> World:
    """Any types that can be read, and names for a few of the columns; `genders` of one of the kinds if given."""
    forms: dict[tuple[str, str], Form] = {}

    def chosen(among: list[Form]) -> Form:
        return draw(st.sampled_from([form for form in among if is_new or form.since == OLD]))

    ids = ID_KINDS[draw(st.sampled_from(sorted(ID_KINDS)))]
    of_genders = GENDER_KINDS[genders or draw(st.sampled_from(sorted(GENDER_KINDS)))]
    for kind in TABLES:
        columns = {name: OTHERS[name] for name in USUAL if name != "gender"}
        columns |= {"user_id": ids, "time": TIMES, "gender": of_genders}
        columns |= {"action": OTHERS["action"]} if kind == "feed" else {"receiver_id": ids}
        forms |= {(kind, name): chosen(among) for name, among in columns.items()}
    mapped = draw(st.lists(st.sampled_from(sorted(forms)), max_size=4, unique=True))
    theirs = draw(st.permutations(NAMES))
    return World(forms, dict(zip(mapped, theirs, strict=False)))

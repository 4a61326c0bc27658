"""feedpulse: daily metrics, a morning report and 15-minute alerts over ClickHouse events."""

from setuptools import find_packages, setup

EMBEDDED = ["chdb>=4.4,<5"]
FAST = ["numba>=0.61,<1"]  # compiles the detectors' loops over batches; numpy computes the same without it
HOLIDAYS = ["holidays>=0.60,<1"]  # the public holidays of [clock] holidays
DEV = [
    "hypothesis>=6.150,<7",
    "import-linter>=2.17,<3",
    "mypy>=2.0,<3",
    "pandas-stubs>=2.2,<4",
    "pytest>=9,<10",
    "pytest-timeout>=2.4,<3",
    "pytest-xdist>=3.8,<4",
    "ruff>=0.17,<0.18",
    "scipy>=1.13,<2",
]

setup(
    name="feedpulse",
    version="0.1.0",
    description="Daily metrics, a morning report and 15-minute alerts over ClickHouse events, as Luigi tasks",
    license="MIT",
    packages=find_packages(include=["detectors*", "pipeline*", "reporting*"]),
    package_data={
        "pipeline": ["core/luigi.cfg", "*/sql/*.sql"],
        "detectors": ["methods/_template.py.txt", "lab/*.html"],
        "reporting": ["channels/outbox/*.html", "status/page.*"],
    },
    entry_points={"console_scripts": ["feedpulse=pipeline.commands.main:main"]},
    python_requires=">=3.11",
    install_requires=[
        "clickhouse-driver>=0.2.9,<0.3",
        "jinja2>=3.1,<4",
        "luigi>=3.8,<4",
        "matplotlib>=3.9,<4",
        "numpy>=2,<3",
        "pandas>=2.2,<4",
        "pyTelegramBotAPI>=4.30,<5",
        "statsmodels>=0.14.4,<0.16",
        "tqdm>=4.66,<5",
        "tzdata>=2025.1",  # time zones for systems without them; data only, so no upper limit
    ],
    extras_require={
        "embedded": EMBEDDED,
        "fast": FAST,
        "holidays": HOLIDAYS,
        "dev": EMBEDDED + FAST + HOLIDAYS + DEV,
    },
)

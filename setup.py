"""feedpulse: daily metrics, a morning report and 15-minute alerts over ClickHouse events."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "pipeline" / "__init__.py").read_text("utf-8"), re.MULTILINE)

EMBEDDED = ["chdb>=4.4,<5"]
LAB = ["pandas>=2.2,<4", "statsmodels>=0.14.4,<0.16"]  # compare, tune and score, and the detector stl
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
    version=VERSION[1],
    description="Daily metrics, a morning report and 15-minute alerts over ClickHouse events, as Luigi tasks",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    keywords="clickhouse luigi etl metrics anomaly-detection alerting monitoring telegram report",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Information Technology",
        "License :: OSI Approved :: MIT License",
        "Natural Language :: English",
        "Natural Language :: Russian",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Database",
        "Topic :: Scientific/Engineering :: Information Analysis",
        "Topic :: System :: Monitoring",
    ],
    packages=find_packages(include=["detectors*", "pipeline*", "reporting*"]),
    package_data={
        "pipeline": ["core/luigi.cfg", "*/sql/*.sql"],
        "detectors": ["methods/_template.py.txt", "lab/*.html"],
        "reporting": ["channels/outbox/*.html", "status/page.*"],
    },
    entry_points={"console_scripts": ["feedpulse=pipeline.commands.main:main"]},
    python_requires=">=3.11,<3.14",  # Luigi 3.8 does not allow 3.14
    install_requires=[
        "clickhouse-driver>=0.2.9,<0.3",
        "jinja2>=3.1,<4",
        "luigi>=3.8,<4",
        "matplotlib>=3.9,<4",
        "numpy>=2,<3",
        "pyTelegramBotAPI>=4.30,<5",
        "tqdm>=4.66,<5",
        "tzdata>=2025.1",  # time zones for systems without them; data only, so no upper limit
    ],
    extras_require={
        "embedded": EMBEDDED,
        "lab": LAB,
        "fast": FAST,
        "holidays": HOLIDAYS,
        "all": EMBEDDED + LAB + FAST + HOLIDAYS,
        "dev": EMBEDDED + LAB + FAST + HOLIDAYS + DEV,
    },
)

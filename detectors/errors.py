"""Exceptions of the library.

::

    ValueError
    └── DetectorError              invalid input, unknown method or invalid parameter
        └── ContractError          a method breaks a rule of `detectors.contract`
"""


class DetectorError(ValueError):
    """Invalid input to a detector, or an unknown detector or parameter."""


LAB_LIBRARIES = ("pandas", "statsmodels")
"""What the extra `lab` installs."""


def missing_library(error: Exception) -> DetectorError | None:
    """Return an error that names the remedy, if `error` says that a library of the extra `lab` is not installed."""
    name = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    return DetectorError(f"{name} is not installed: pip install 'feedpulse[lab]'") if name in LAB_LIBRARIES else None


class ContractError(DetectorError, AssertionError):
    """A detector breaks a rule of the contract. The message names both."""

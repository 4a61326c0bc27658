"""Exceptions of the library.

::

    ValueError
    └── DetectorError              invalid input, unknown method or invalid parameter
        └── ContractError          a method breaks a rule of `detectors.contract`
"""


class DetectorError(ValueError):
    """Invalid input to a detector, or an unknown detector or parameter."""


class ContractError(DetectorError, AssertionError):
    """A detector breaks a rule of the contract. The message names both."""

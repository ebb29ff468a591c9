"""What we use of Hypothesis, or how to get it: it is an extra, which only drawn markets need."""

try:
    from hypothesis import Phase, find, settings, strategies
    from hypothesis.errors import NoSuchExample
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        "Hypothesis, which draws markets, is not installed: none can be drawn. "
        "pip install 'micropulse[testing]' brings it. Without it all_properties(…, examples=0) "
        "asks the recording alone.",
        name="hypothesis",
    ) from None

__all__ = ["NoSuchExample", "Phase", "find", "settings", "strategies"]

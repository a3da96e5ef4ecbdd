"""A first look at a cron expression, so that a slip is told with its line and not by a DAG that fails to load."""

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))


def problem(text: str) -> str | None:
    """What is wrong with the expression, in words; None where nothing is."""
    if text.startswith("@"):
        return None if text in PRESETS else f"'{text}' is not a schedule: expected one of {', '.join(PRESETS)}"
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"'{text}' has {len(fields)} fields: expected minute, hour, day, month and weekday, as in '30 22 * * 6'"
    # Airflow's own parser, so that both take the same.
    from croniter import CroniterError, croniter

    for place, (value, (name, low, high)) in enumerate(zip(fields, _FIELDS, strict=True)):
        alone = ["*"] * len(_FIELDS)
        alone[place] = value
        if not croniter.is_valid(" ".join(alone)):
            return f"'{value}' is not a {name}: expected {low} to {high}, with '*', '-', ',' and '/' as cron has them"
    try:
        croniter(text).get_next()
    except CroniterError:
        return f"'{text}' never comes: no month has such a day"
    return None

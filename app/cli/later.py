"""What later versions will have, refused by name until then."""

#: Command → what to do instead.
COMMANDS = {
    "signals": "only full backtests can be run and read",
    "bundle": "hand on an experiment with 'bulkhead export'",
    "report": "use 'bulkhead show --json'",
    "compare": "use 'bulkhead show --json'",
}

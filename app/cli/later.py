"""What later versions will have, refused by name until then."""

#: Command → what to do instead.
COMMANDS = {
    "report": "use 'bulkhead show --json'",
    "compare": "use 'bulkhead show --json'",
}

"""What later versions will have, refused by name until then."""

#: Command → what to do instead.
COMMANDS = {
    "stop": "Ctrl-C stops a run in its terminal, and keeps what is stored",
    "resume": "run the experiment again with 'bulkhead run'",
    "kill": "give containers limits under [limits]; they end by themselves",
    "extend": "run the wider sweep with 'bulkhead run'",
    "workflow": "run its phases one by one with 'bulkhead run'",
    "report": "use 'bulkhead show --json'",
    "compare": "use 'bulkhead show --json'",
}
BACKENDS = {"dask": "use loky, which runs on this machine's cores, or sequential"}
SCHEDULER = "runs use this machine's cores only; leave it out"

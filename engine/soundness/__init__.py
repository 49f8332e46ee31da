"""Whether a stage may be believed: it keeps its protocol, repeats itself, and never looks ahead."""

"""From a list of machines (an RVTools export, a CSV) to proposed wave files that a person edits."""

"""Writers of a run in the formats of other tools. docs/show.md lists what each cannot hold."""

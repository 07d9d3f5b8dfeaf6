"""What every JSON and TOML file that is read back has to hold, and the one way to read it.

`read_json` and `read_toml` are in `reading`, CSV's `read_table` in `tables`. docs/safety.md lists the files.
"""

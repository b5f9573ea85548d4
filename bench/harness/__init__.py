"""The modules of bench/run: measured processes, servers, rows, the machine, the report."""

"""What bench/run is made of: processes measured, servers, rows, the machine, the report."""

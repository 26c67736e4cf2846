"""What people see of builds and runs: lines, a live tree, JSON, a closing summary."""

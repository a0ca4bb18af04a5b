"""What goes wrong between programs, done on purpose: each kit is tested itself."""

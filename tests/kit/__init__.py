"""What tests of several folders share: things to test with, real files, real processes."""

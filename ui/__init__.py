"""What the clerk sees and touches: Qt, on top of counter classes and frozen values."""

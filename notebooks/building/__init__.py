"""The parts of build.py, from a lesson's source to its notebooks."""

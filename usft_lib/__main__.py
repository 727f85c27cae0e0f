"""``python -m usft_lib``: the course's experiment in miniature, about three minutes on two cores."""

import argparse

import matplotlib

from .errors import BadInput
from .miniature import run

parser = argparse.ArgumentParser(prog="python -m usft_lib", description="The course's experiment in miniature.")
parser.add_argument("--out", default="usft_miniature.png", help="where the figure goes (default: %(default)s)")
parser.add_argument("--large", action="store_true", help="may download more than 60 MB (the originals are about 1 GB)")
arguments = parser.parse_args()
matplotlib.use("Agg")  # a file is written and no window opened
try:
    run(arguments.out, arguments.large)
except BadInput as error:
    parser.exit(1, f"{error}\n")

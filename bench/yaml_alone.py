"""What PyYAML's C loader alone needs for the files of a folder: `python -m bench.yaml_alone FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).rglob("*.yaml")):
        list(yaml.load_all(path.read_bytes(), Loader=yaml.CSafeLoader))

"""`make seal`: writes migrations/checksums.txt, the seal over the history."""

import sys

from stage1 import resources
from stage1.database.migration_files import seal
from stage1.errors import Stage1Error


def main(again: list[str]) -> int:
    """Seals the new files; names in `again` were never released and may be sealed anew."""
    try:
        sealed = seal(resources.migrations_folder(), again=frozenset(again))
    except Stage1Error as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    print(f"sealed: {', '.join(sealed)}" if sealed else "nothing to seal: every migration is sealed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m stage1` is the command `stage1`."""

from stage1.cli.main import main

if __name__ == "__main__":
    main()

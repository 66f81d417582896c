"""`python -m riskloom`."""

from riskloom.cli.main import main

main()

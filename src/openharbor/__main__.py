"""`python -m openharbor`: the same as the console script."""

from openharbor.cli import main

main()

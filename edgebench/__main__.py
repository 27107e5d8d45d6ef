"""`python -m edgebench`: the command."""

from edgebench import main

raise SystemExit(main())

"""``python -m cdnet``, the form that torchrun wants."""

import sys

from cdnet.cli import main

sys.exit(main())

"""Version numbers of this package.

Models and tools compare `cog.__version__` with Cog's releases, often by splitting it at the dots, so it holds the release
whose API this package provides and nothing else. The distribution carries the same number with a local part.
"""

PUBLIC = "0.23.1"
DISTRIBUTION = "0.23.1+cogplan.1"

"""Say which build of PyTorch pip is about to install, from where, and how large it may be.

``make`` runs this before it installs anything; nothing is downloaded but what pip needs to choose. With an address of a
package index as its argument, PyTorch is to come from there, else from where pip looks by itself.
"""

import importlib.util
import json
import subprocess
import sys

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def main() -> None:
    """Print the announcement, unless PyTorch is there already."""
    if importlib.util.find_spec("torch") is not None:
        return
    index = sys.argv[1] if len(sys.argv) > 1 else ""
    found = chosen(index)
    where = f"from {index}" if index else "from where pip looks by itself"
    if found is None:
        print(f"PyTorch is about to be installed {where}; pip could not say beforehand which build that is.")
    else:
        needed = found["metadata"].get("requires_dist", [])
        cuda = any(name.startswith(("nvidia-", "cuda-", "triton")) and "extra ==" not in name for name in needed)
        size = "with CUDA libraries, several GB" if cuda else "without CUDA libraries, some 200 MB"
        print(f"PyTorch {found['metadata']['version']} is about to be installed {where}: {size}.")
        if not cuda:
            return
    print(f"For the CPU build, which is far smaller: stop this, and run make TORCH_INDEX={CPU_INDEX}", flush=True)


def chosen(index: str) -> dict | None:
    """Return what pip says of the file that it would install, None if it cannot say."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--no-deps"]
    words = [*pip, "--report", "-", "-c", "constraints.txt", *(["--index-url", index] if index else []), "torch"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)["install"][0]
    except (ValueError, LookupError):
        return None


if __name__ == "__main__":
    main()

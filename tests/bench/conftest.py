"""A checkout that stands for torchreid's: the names that the benchmarks ask it for, and an evaluation with loops."""

from __future__ import annotations

from pathlib import Path

import pytest

FILES = {
    "metrics/distance.py": "",
    "utils/__init__.py": "raise ImportError('the whole of it wants more than there is')",
    "utils/tools.py": """
from PIL import Image

def read_image(path):
    return Image.open(path).convert("RGB")
""",
    **{f"utils/{name}.py": "" for name in ("rerank", "avgmeter", "reidtools", "torchtools")},
    "engine/__init__.py": "raise ImportError('the whole of it wants more than there is')",
    "engine/engine.py": """
import numpy as np
import torch

class Engine:
    def extract_features(self, images):
        return self.model(images)

    def _evaluate(self, name, query, gallery, dist_metric):
        print("of no interest")
        assert dist_metric == "cosine"
        self.model.eval()
        with torch.no_grad():
            q, g = ([], []), ([], [])
            for features, loader in ((q, query), (g, gallery)):
                for data in loader:
                    features[0].append(self.extract_features(data["img"]))
                    features[1].extend(zip(data["pid"].tolist(), data["camid"].tolist()))
        norm = [torch.nn.functional.normalize(torch.cat(part[0])) for part in (q, g)]
        found = []
        for row, (pid, camid) in zip((norm[0] @ norm[1].T).tolist(), q[1]):
            order = sorted(range(len(row)), key=lambda i: -row[i])
            kept = [g[1][i] for i in order if g[1][i] != (pid, camid)]
            hits = [i for i, other in enumerate(kept) if other[0] == pid]
            found.append(np.mean([(n + 1) / (rank + 1) for n, rank in enumerate(hits)]))
        return 0.0, float(np.mean(found)) + OFF

OFF = 0.0
""",
    "engine/image/triplet.py": """
from ..engine import Engine

class ImageTripletEngine(Engine):
    def __init__(self, manager, model, optimizer, use_gpu, label_smooth):
        self.model, self.optimizer = model, optimizer
        assert manager.num_train_pids >= 1 and not use_gpu and not label_smooth

    def forward_backward(self, data):
        print("of no interest")
        assert sorted(data["pid"].tolist()) == sorted(4 * sorted(set(data["pid"].tolist())))
        sum(part.sum() for part in self.model(data["img"])[0]).backward()
        self.optimizer.step()
""",
    "data/transforms.py": """
from torchvision.transforms import ColorJitter, Compose, Normalize, RandomHorizontalFlip, Resize, ToTensor

def build_transforms(height, width, transforms):
    last = [ToTensor(), Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])]
    return Compose([Resize((height, width)), RandomHorizontalFlip(), *last]), Compose([Resize((height, width)), *last])
""",
    "data/datasets/dataset.py": """
from torchreid.utils import read_image

class ImageDataset:
    def __init__(self, train, query, gallery, transform, mode, verbose):
        self.train, self.data, self.transform = train, {"train": train, "query": query}[mode], transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        path, pid, camid = self.data[index]
        return {"img": self.transform(read_image(path)), "pid": pid, "camid": camid}
""",
    "data/sampler.py": """
class RandomIdentitySampler:
    def __init__(self, data, batch, each):
        by = {}
        for index, (_, pid, _) in enumerate(data):
            by.setdefault(pid, []).append(index)
        self.order = [index for found in by.values() for index in found[:each]]

    def __iter__(self):
        return iter(self.order)

    def __len__(self):
        return len(self.order)
""",
    "models/osnet.py": """
from cdnet.nn.model import create_model

def osnet_x0_25(identities, pretrained, loss):
    assert loss == "triplet"
    return create_model("osnet", 0.25, "fcneck", identities=identities)
""",
}


@pytest.fixture
def torchreid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout of it, whose loaders work in the test's own process."""
    for name, text in FILES.items():
        path = tmp_path / "checkout" / "torchreid" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr("cdnet.bench.peers.Torchreid.evaluate_cython", lambda self: None)
    for module in ("evaluation", "training", "pictures"):
        monkeypatch.setattr(f"cdnet.bench.{module}.usable_cores", lambda: 0)
    return tmp_path / "checkout"

"""``cdnet bench train`` and ``cdnet bench data``: a step of training, and the pictures that it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import Parser, UsageError
from cdnet.cli.bench_command import MOST_BATCH, bench_parser, finish, read_bench
from cdnet.data.recipe import DataRecipe, given_root

if TYPE_CHECKING:
    from cdnet.data.cache import CachedPictures
    from cdnet.train.recipe import TrainRecipe

MOST_PICTURES = 1_000_000


def train(words: list[str]) -> None:
    """Time steps of training."""
    made = bench_parser(
        "train",
        "Time a step of training, and the share of it that waits for data. Peer: torchreid=CHECKOUT, whose engine "
        "trains its OSNet of the same width.",
        rounds=5,
    )
    made.add_argument("network", nargs="?", default="osnet", help="a genotype or a baseline")
    made.add_argument("--width", type=float, default=1.0, help="width multiplier")
    made.add_argument("--precision", choices=("fp32", "bf16", "fp16"), default="fp32", help="ours; torchreid's is fp32")
    _add_pictures(made)
    options = read_bench(made, words)

    from cdnet.bench.peers import named_peers
    from cdnet.bench.training import bench_training, recipe_of

    peers = named_peers(options.peer, ["torchreid"])
    recipe = recipe_of(options.network, _recipe(options, options.width, options.device, options.precision))
    finish(bench_training(_pictures(options, recipe), recipe, options.rounds, peers), options)


def data(words: list[str]) -> None:
    """Time decoding and augmentation."""
    made = bench_parser(
        "data",
        "Time pictures on their way to a network. Peer: torchreid=CHECKOUT, its loader and its transforms.",
        device=False,
    )
    _add_pictures(made)
    made.add_argument("--pictures", type=int, default=4096, help="pictures in a round")
    options = read_bench(made, words)
    if not 1 <= options.pictures <= MOST_PICTURES:
        raise UsageError(f"1 to {MOST_PICTURES:,} pictures in a round are possible", made.prog)

    from cdnet.bench.peers import named_peers
    from cdnet.bench.pictures import bench_pictures

    peers, recipe = named_peers(options.peer, ["torchreid"]), _recipe(options, 1.0, "cpu")
    finish(bench_pictures(_pictures(options, recipe), recipe, options.pictures, options.rounds, peers), options)


def _add_pictures(made: Parser) -> None:
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--size", default="256x128", help="height x width")
    made.add_argument("--identities", type=int, default=16, help="of a batch")
    made.add_argument("--each", type=int, default=4, help="pictures of each identity in a batch")


def _recipe(options: Any, width: float, device: Any, precision: Any = "fp32") -> TrainRecipe:
    from cdnet.data.recipe import TrainDataRecipe
    from cdnet.nn.model import check_width
    from cdnet.train.recipe import BatchRecipe, TrainRecipe, check_recipe

    if not 4 <= options.identities * options.each <= MOST_BATCH:
        raise UsageError(f"a batch of 4 to {MOST_BATCH:,} is possible")
    check_width(width)
    given_root(options.data.root, "measure with")
    batch = BatchRecipe(options.identities, options.each)
    data = TrainDataRecipe(**vars(options.data))
    recipe = TrainRecipe(width=width, size=options.size, data=data, batch=batch, device=device, precision=precision)
    check_recipe(recipe)
    return recipe


def _pictures(options: Any, recipe: TrainRecipe) -> CachedPictures:
    from cdnet.data.layout import read_data
    from cdnet.data.obstacles import refuse_obstacles
    from cdnet.data.splits import decode_split
    from cdnet.model_input import parse_size
    from cdnet.progress import shown

    root = given_root(options.data.root, "measure with")
    found = read_data(root, options.data.layout, options.data.holdout)
    refuse_obstacles(found, "training", recipe.batch.identities)
    return decode_split(found, "train", parse_size(recipe.size), options.data.cache, shown)

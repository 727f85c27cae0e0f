"""Is every tensor where it is used? The library and its lessons on a GPU that is not there; ``pytest -s`` prints lists.

Mistakes are planted to see that they would be found: a line of a function is changed, and only while a test runs.
"""

import contextlib
import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
import textwrap
import threading
import time
import warnings
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny
import torch
from fake_gpu import GPU, WrongPlace, fake_gpu
from PIL import Image
from torch import nn

import usft_lib as usft
from usft_lib import adapters, checkpoints, cost, data, freezing, losses, metrics, plots, probes, seeds, training, unet
from usft_lib.data import SegmentationData
from usft_lib.inference import segment
from usft_lib.simulate import beam, geometry, points, ultrasound
from usft_lib.simulate import radiograph as chests
from usft_lib.study import convergence, experiment, folding, matched, pretraining, strategies, targets
from usft_lib.widgets import contours, runs

# ---- the fake ----------------------------------------------------------------------------------------------------


@pytest.fixture
def gpu():
    with fake_gpu() as found:
        yield found


def test_what_is_made_of_tensors_on_the_gpu_lies_there(gpu):
    x = torch.ones(2, 3, device="cuda")
    y = torch.ones(2)
    made = [x + 1, x[0], x.T, x.sum(), x.clone(), torch.zeros_like(x), x.new_zeros(2), x.unbind()[1], deepcopy(x)]
    made += [x.to(torch.half), y.cuda(), y.to("cuda:0"), y.to(x), torch.arange(3, device=GPU), nn.ReLU().to(x)(x)]
    made += [nn.Linear(2, 2).to(x).bias]
    assert all(t.device == GPU and t.is_cuda for t in made)
    for t in (x.cpu(), x.to("cpu"), x.to(y), x.new_zeros(2, device="cpu"), y, torch.tensor([x[0, 0]])):
        assert t.device.type == "cpu" and not t.is_cuda
    assert x.tolist() == [[1.0] * 3] * 2 and float(x.sum()) == 6


@pytest.mark.parametrize(
    "mix",
    [
        lambda x, y: x + y,
        lambda x, y: x.add_(y),
        lambda x, y: y.add_(x.sum()),
        lambda x, y: torch.cat([x, y]),
        lambda x, y: torch.stack([x.sum(), y.sum()]),
        lambda x, y: y[x > 0],
        lambda x, y: x.__setitem__(torch.tensor([0, 1]), y),
        lambda x, y: nn.Conv2d(1, 1, 1)(x[None]),
        lambda x, y: nn.BatchNorm1d(2)(x[0]),
        lambda x, y: torch.rand(2, device="cuda", generator=torch.Generator()),
        lambda x, y: x.normal_(generator=torch.Generator()),
        lambda x, y: x.numpy(),
        lambda x, y: plt.figure().subplots().plot(x[0, 0]),
    ],
)
def test_mixing_places_raises(gpu, mix):
    with pytest.raises(WrongPlace):
        mix(torch.ones(1, 2, 2, device="cuda"), torch.ones(1, 2, 2))


def test_threads_that_start_within_are_watched(gpu):
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.ones(1, device="cuda").device))
    thread.start()
    thread.join()
    assert found == [GPU]


# ---- what is run under it -------------------------------------------------------------------------------------------


@dataclass
class Room:
    """What an action works with: a model on the GPU, data on the CPU, a folder."""

    model: usft.UNet
    data: SegmentationData
    folder: Path

    @property
    def copy(self) -> usft.UNet:
        return deepcopy(self.model)

    @property
    def images(self) -> torch.Tensor:
        return self.data.images.cuda()

    @property
    def masks(self) -> torch.Tensor:
        return self.data.masks.cuda()

    def fit(self, model=None, **how):
        return usft.fit(model or self.copy, self.data, self.data, steps=2, batch_size=2, progress=False, **how)


@contextlib.contextmanager
def furnished(folder: Path):
    """A `Room` on a machine with the fake GPU, with caches of its own and the study's target of few images."""
    with pytest.MonkeyPatch.context() as patch, fake_gpu(), contextlib.redirect_stdout(None):
        patch.setenv("USFT_DATA", str(folder / "cache"))
        patch.setenv("USFT_PROGRESS", str(folder / "progress.json"))
        patch.setitem(targets._PARTS, "sim-ultrasound", tiny.parts)
        patch.setitem(pretraining._IMAGES, "xray-simulated", lambda size: usft.simulate_radiographs(4, size=size))
        targets._parts.cache_clear()
        shown = usft.simulate_ultrasound(6, size=32, seed=3, preset="breast")
        torch.manual_seed(0)
        yield Room(usft.UNet(width=2).cuda(), shown, folder)
    targets._parts.cache_clear()
    plt.close("all")


def pause_and_go_on(room):
    run = usft.Training(room.copy, room.data, steps=4, batch_size=2)
    run.step()
    path = usft.save_state(run.state(), room.folder / "run.safetensors")
    other = usft.Training(usft.UNet(width=2), room.data, steps=4, batch_size=2).restore(usft.load_state(path))
    for _ in other:
        pass
    moments = [value for kept in other.optimiser.state.values() for value in kept.values()]
    assert {value.device for value in moments} == {GPU}


def race(room):
    lab = usft.Lab(room.model, room.data, room.data, room.data, steps=4, batch_size=2)
    lab.run("first 1", seeds=2)
    lab.wait(lab.race(["last 1", "everything", "scratch"]) and None)
    assert [run.status for run in lab.runs] == ["done"] * 5, lab.snapshot()["message"]
    lab.commit(1)
    lab.compare(1, 3), lab.look_at("worst"), lab.changes(1), lab.ratios(), lab.drawn(1, [0])
    with contextlib.suppress(usft.BadInput):  # in so small a network all units of a group may be off there
        lab.field("enc1", 0, 1)
    return lab.snapshot(), lab.pictures()


def with_lora(room):
    model = usft.lora(room.copy, ["enc1", "dec1"])
    segment(model, room.data.images)
    room.fit(model)
    usft.save_model(model, room.folder / "lora.safetensors")
    usft.merge(model)
    return segment(model, room.data.images)


def in_part(room):
    model = matched.train_only_these(usft.UNet(), matched.draw(usft.UNet(), "matched first 2 #0"))
    room.fit(model)
    chosen = matched.draw(usft.UNet(), "matched first 2 #0")
    return matched.step_flops(chosen, model), matched.position(chosen, model)


def without_folds(room):
    model = usft.train_only(usft.UNet(width=2), ["enc1"])  # on the CPU, as the study has it
    with folding.folded(model):
        room.fit(model)
    return usft.evaluate(model, room.data)


def folded_there(room):
    model = usft.train_only(room.copy, ["enc1"])
    with folding.folded(model):
        return segment(model, room.data.images)


def from_the_cpu(room):
    return room.fit(usft.UNet(width=2))


def study(room):
    for strategy in ("first 1", "norm only", "matched first 2 #0", "lp-ft", "top 2 by ratio", "mean shape"):
        experiment.run(replace(tiny.TINY, strategy=strategy, steps=6))
    experiment.run(replace(tiny.TINY, statistics="reestimated", course="plateau", steps=10))
    experiment.run(replace(tiny.TINY, source="xray-simulated@2"))


def figures(room):
    axes, history = plt.figure().subplots(), room.fit()
    plots.show_masks(axes, room.images[0], room.masks[0], room.masks[0])
    plots.dots(axes, {"a": usft.dice(room.masks, room.masks)}, "Dice")
    plots.distance_inside(room.masks[0, 0])
    plots.pictures_figure([("a", room.images[0], room.masks[0], room.masks[0])])
    plots.maps_figure({"a": (room.images[0, 0], "mm")})
    plots.dots_figure({"a": usft.dice(room.masks, room.masks)}, "Dice")
    allowed = {name: side for name, side in usft.receptive_fields(room.model).items() if name in ("enc1", "enc2")}
    fields = {"a": {name: usft.effective_receptive_field(room.model, room.images, name) for name in allowed}}
    plots.fields_figure(fields, allowed, list(allowed)), plots.reach_figure(fields, allowed, 32)
    row = usft.summarise(usft.evaluate(room.model, room.data))
    plots.strategies_figure({"a": history}, {"a": row, "b": row}, {"a": room.masks, "b": room.masks}, room.data)
    plots.training_figure(history, {}), plots.ordered_figure({"a": usft.dice(room.masks, room.masks).tolist()})
    turns = torch.rand(2, 9, device="cuda")
    arrows = torch.polar(torch.ones_like(turns), turns)
    plots.walks_figure(arrows, {"a": arrows.sum(1)})
    plots.overlap_figure({"a": (room.images[0].flatten(), room.images[1].flatten())})
    scene = usft.ultrasound_scenes(1, probe="convex")[0]
    made = usft.simulate_ultrasound(1, size=32, stages=True, device="cuda", probe="convex")[1]
    stages = {name: values[0].cuda() for name, values in made.items()}
    echoes, place = stages["echoes"], torch.rand(2, 9, device="cuda")
    plots.chain_figure(stages, scene, room.images[0], room.masks[0])
    plots.grids_figure(stages["grey"], room.images[0], scene, {"near": ((-5, 5), (8, 16))})
    plots.echo_lines_figure({"a": echoes}, scene, (8, 12))
    plots.scatterers_figure([echoes, echoes], [place, place], 20)


def physics(room):
    made = usft.simulate_ultrasound(3, size=32, stages=True, device="cuda", probe="convex")[1]
    assert usft.simulate_ultrasound(3, size=32, device="auto", preset="fetal_head", scatterers_per_cell=4).images.is_cpu
    return usft.radio_frequency(made["echoes"][0].cuda(), usft.ultrasound_scenes(1)[0])[0]


def psf(room):
    scenes = usft.ultrasound_scenes(2)
    z = torch.full((2, 1, 1), 40.0, device="cuda")
    beam.point_spread(scenes, z), beam.cells_mm2(scenes, z)
    usft.scene_table(scenes)
    return beam.mean_frequency(scenes, beam.tissue_loss(scenes, z))


def shapes(room):
    usft.simulate_radiographs(2, size=32), usft.shifted_shapes(2, size=32), usft.shifted_speckle(2, size=32)
    usft.in_speckle(SegmentationData(room.images, room.masks, room.data.subjects))
    axis = torch.arange(40.0) / 4
    points.image_points([0.0], [5.0], [1.0], axis - 5, axis, usft.ultrasound_scenes(1)[0])


def data_on_the_gpu(room):
    there = SegmentationData(room.images, room.masks, room.data.subjects, spacing_mm=room.data.spacing_mm)
    usft.fit(room.copy, there, there, steps=1, progress=False)
    return usft.score(usft.mean_shape(there), there), there[there.empty], usft.Lab(room.model, there, there).pictures()


def panels(room):
    usft.freeze_panel(room.model, room.data, room.data), usft.speckle_panel(), usft.SpeckleBench()
    usft.FreezeLab(room.model, room.data, room.data), usft.UNetDiagram(room.model)._repr_mimebundle_()
    usft.ResultsExplorer()


def kept(room):
    assert usft.pretrained().cuda().head.weight.device == GPU
    path = usft.save_model(room.model, room.folder / "model.safetensors")
    assert checkpoints.fingerprint(usft.load_model(path)) == checkpoints.fingerprint(room.model)


def choosing(room):
    model = room.copy
    for choose in (usft.first, usft.last, usft.outer, usft.inner):
        usft.train_only(model, choose(model, 2))
    usft.freeze(model, usft.contracting(model)), usft.unfreeze(model), usft.train_only(model, usft.expanding(model))
    usft.train_parameters(usft.unfreeze(model), "norm")
    room.fit(model)
    assert usft.trained(model)
    freezing.named(model, "first 2"), freezing.path(model), freezing.levels(model)


def likeness(room):
    there, here = usft.activations(room.model, room.data.images), usft.activations(room.copy.cpu(), room.images)
    usft.linear_cka(there["enc1"], here["enc1"])
    return usft.linear_cka(room.images.flatten(1), room.images.flatten(1))


def seen(room):
    field = usft.effective_receptive_field(room.model, room.data.images, "enc1")
    usft.receptive_fields(room.model)
    return usft.effective_receptive_field_width(field.cuda()), field.numpy()


def anew(room):
    return usft.evaluate(usft.reestimate_statistics(room.model, room.data.images), room.data)


def scored(room):
    usft.score(room.masks, room.data), usft.dice(room.masks, room.masks), usft.iou(room.masks, room.masks)
    usft.summarise(usft.evaluate(room.model, room.data)), usft.mean_shape(room.data)
    return usft.head_circumference_mm(room.masks, room.data.spacing_mm.cuda())


def counted(room):
    cost.relative(room.model, ["enc1"], 32), cost.step_cost(room.model, size=32)
    return usft.summary(room.model, 32)


def lost(room):
    logits = room.model(unet.halve(unet.halve(room.images)).repeat(1, 1, 2, 2))
    usft.soft_dice_loss(logits, logits > 0)
    return losses.dice_and_cross_entropy(logits, logits > 0).backward()


def moved(room):
    return data.augment(room.images, room.masks, seeds.generator(0))


def averaged(room):
    return convergence.fit_with_ema(room.copy, room.data, room.data, steps=12, batch_size=2)[1]


def answered(room):
    usft.check(lambda x: x.cuda() * 2, {"twice": ((torch.ones(3),), torch.full((3,), 2.0), "double it")})
    usft.check_range(usft.dice(room.masks, room.masks).mean(), 0, 1)


def miniature(room):
    from usft_lib import __main__ as main

    source = main.pretrain(usft.simulate_radiographs(60, size=32), 2)
    main.fine_tune(source, room.data, room.data, 2)


def asked(room):
    strategies.ratios(room.model, room.data)
    return usft.gradient_ratio(room.model, room.data)


def outlined(room):
    return contours.outlines(room.masks[0, 0])


def handed_over(room):
    sealed = usft.seal(room.data, room.folder / "seal.json")
    test, history = sealed.open(), room.fit(room.copy)
    return usft.report(
        room.folder / "report.html", data=test, tables={"a": usft.evaluate(room.model, test)}, baselines={}, chosen="a",
        histories={"a": history}, masks=segment(room.model, test.images), seal=sealed,
    )  # fmt: skip


def applied(room):
    model = room.copy
    room.fit(model)
    (room.folder / "new").mkdir()
    Image.fromarray(np.arange(70 * 90).reshape(70, 90).astype(np.uint8)).save(room.folder / "new" / "a.png")
    usft.segment_folder(model, room.folder / "new", room.folder / "out")
    return usft.segment_image(model, room.folder / "new" / "a.png")


ACTIONS = [
    Room.fit, pause_and_go_on, race, with_lora, in_part, without_folds, averaged, study, figures, physics, psf, shapes,
    data_on_the_gpu, panels, kept, choosing, likeness, seen, anew, scored, counted, lost, moved, answered, miniature,
    asked, outlined, handed_over, applied, folded_there, from_the_cpu,
]  # fmt: skip


def tried(action, room) -> str:
    """What went wrong, or nothing."""
    try:
        action(room)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """All actions, one after the other: what went wrong in each, and the code that was run."""
    wrong, codes = {}, set()
    for action in ACTIONS:
        with furnished(tmp_path_factory.mktemp("room")) as room:

            def note(frame, event, argument):
                if event == "call":
                    codes.add(frame.f_code)

            threading.setprofile(note)
            sys.setprofile(note)
            try:
                wrong[action] = tried(action, room)
            finally:
                sys.setprofile(None)
                threading.setprofile(None)
    return wrong, codes


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_it_runs_on_a_gpu(action, ran):
    assert ran[0][action] == ""


TAKES = re.compile(r"Tensor|UNet|SegmentationData|Training|Module|device|scenes|\bimages\b|\bmodel\b")
ELSEWHERE = {  # not here, and why
    "study.targets.hc18_parts": "real images alone",
    "study.targets.busi_parts": "real images alone",
    "study.targets.busbra_parts": "real images alone",
    "__main__.data_pair": "reads data sets, which lie on the CPU",
    "exercises.answers.assignment": "makes a data set from a name, on the CPU",
    "usft.Quiz": "texts alone",
    "usft.Task": "a text and a function alone",
}


def public() -> dict:
    """The library's public functions that take tensors, models or data, and what stands on its front page."""
    found = {}
    for place in pkgutil.walk_packages(usft.__path__, "usft_lib."):
        if place.name.split(".")[1] in ("sources",):  # files become tensors there, on the CPU
            continue
        module = importlib.import_module(place.name)
        for name, thing in vars(module).items():
            own = inspect.isfunction(thing) and thing.__module__ == place.name and not name.startswith("_")
            if own and TAKES.search(str(inspect.signature(thing))):
                found[f"{place.name.removeprefix('usft_lib.')}.{name}"] = inspect.unwrap(thing).__code__
    for name in dir(usft):
        thing = getattr(usft, name)
        if inspect.isclass(thing) and thing.__module__.startswith("usft_lib") and not issubclass(thing, Exception):
            found[f"usft.{name}"] = thing.__init__.__code__
    return found


@pytest.mark.slow
def test_every_public_function_that_takes_tensors_or_models_is_run(ran):
    names = public()
    print(f"{len(names)} functions and classes, {len(ACTIONS)} actions: {' '.join(sorted(names))}")
    assert len(names) > 90
    assert {name for name, code in names.items() if code not in ran[1]} == ELSEWHERE.keys()


# ---- planted mistakes -----------------------------------------------------------------------------------------------


def plant(patch, owner, name: str, old: str, new: str) -> None:
    """Change ``old`` (a regular expression) to ``new`` in a function, wherever it was imported to."""
    thing = vars(owner)[name]
    function = inspect.unwrap(thing.fget if isinstance(thing, property) else thing)
    source = textwrap.dedent(inspect.getsource(function))
    faulty, count = re.subn(old, new, source)
    assert count, f"{name} holds no {old!r} any more: plant the mistake as the function is written now"
    room = dict(vars(sys.modules[function.__module__]))
    exec(compile(faulty.replace("super().__init__()", "nn.Module.__init__(self)"), "planted", "exec"), room)
    made = inspect.unwrap(room[name].fget if isinstance(thing, property) else room[name])
    if function.__closure__:  # it says super()
        patch.setattr(owner, name, made)
    else:
        patch.setattr(function, "__code__", made.__code__)


TO = r"\.to\((?:self\.)?device\)"
MISTAKES = [  # one of each kind: an image, a mask, a new tensor, a table, a picture
    (training.Training, "__init__", r"train\.images" + TO, "train.images", Room.fit),
    (training.Training, "__init__", r"model\.to\(self\.device, ", "model.to(", from_the_cpu),
    (training.Training, "batch", r"self\.images\[chosen\]", "self.train_data.images[chosen.cpu()]", Room.fit),
    (data, "augment", r"matrices\.to\(images\.device\)", "matrices", Room.fit),
    (unet.UpConvolution, "forward", r"self\.bias", "self.bias.detach().cpu()", Room.fit),
    (checkpoints, "unpack", r"torch\.zeros_like\(parameter\)", "torch.zeros(parameter.shape)", pause_and_go_on),
    (checkpoints, "fingerprint", r"\.cpu\(\)", "", kept),
    (metrics, "evaluate", r"segment\(model, test\.images\)", "model(test.images) > 0", anew),
    (runs.Session, "_note", r"segment\(run\.model, watched, .*\)", "run.model(watched) > 0", race),
    (plots.masks, "show_masks", r"\.cpu\(\)", "", figures),
    (probes, "gradient_ratio", r"masks\.to\(device\)", "masks", asked),
    (adapters.LowRank, "__init__", r"\.to\(layer\.weight\)", "", with_lora),
    (geometry, "stacked", r", device=device", "", physics),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("owner, name, old, new, action", MISTAKES, ids=[f"{k}-{m[1]}" for k, m in enumerate(MISTAKES)])
def test_a_planted_mistake_is_found(owner, name, old, new, action, tmp_path, monkeypatch):
    assert action in ACTIONS  # so it runs without the mistake, see above
    with furnished(tmp_path) as room:
        plant(monkeypatch, owner, name, old, new)
        assert re.search("same device|to numpy|expected device|indices should be", tried(action, room))


# ---- the lessons ----------------------------------------------------------------------------------------------------

SOLUTIONS = Path(__file__).resolve().parents[1] / "notebooks" / "solutions"
LESSONS = sorted(path.stem for path in SOLUTIONS.glob("*.ipynb"))


@pytest.fixture
def few(monkeypatch):
    """Little is computed: of a training its first steps and its last, of many images the first; all shapes stay."""
    step, forward = training.Training.step, usft.UNet.forward
    render, radiograph, drawn = ultrasound.render, chests.radiograph, {}

    def repeated(values, n):
        return values[torch.arange(n) % len(values)]

    def first_and_last_steps(self):
        if self.done < 2 or self.done in self.unfreeze_at or self.done == self.steps - 1:
            return step(self)
        self.done += 1
        self._record(torch.full((), 0.5, device=self.device), time.perf_counter())

    def first_images(self, images):
        if images.ndim != 4 or len(images) <= 4:
            return forward(self, images)
        return repeated(forward(self, images[:3]), len(images))

    def first_scenes(scenes, bodies, size, streams, device="cpu"):
        made = render(scenes[:3], bodies[:3], size, streams[:3], device)
        return {name: repeated(values, len(scenes)) for name, values in made.items()}

    def first_chests(size, random):
        known = drawn.setdefault(size, [])
        known.append(radiograph(size, random) if len(known) < 6 else known[len(known) % 6])
        return known[-1]

    monkeypatch.setattr(training.Training, "step", first_and_last_steps)
    monkeypatch.setattr(usft.UNet, "forward", first_images)
    monkeypatch.setattr(ultrasound, "render", first_scenes)
    monkeypatch.setattr(chests, "radiograph", first_chests)
    monkeypatch.setattr(usft, "check_range", lambda *given, **more: None)  # trained that little, no number holds


@pytest.mark.slow
@pytest.mark.skipif("USFT_WHEEL_ONLY" in os.environ, reason="needs the repository's notebooks (2026-11-29)")
@pytest.mark.parametrize("name", LESSONS)
def test_a_lessons_code_runs_on_a_gpu(name, few, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("USFT_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("USFT_PROFILE", "quick")
    monkeypatch.chdir(SOLUTIONS)
    known = {"__name__": "__main__"}
    book = json.loads((SOLUTIONS / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    with fake_gpu() as gpu, contextlib.redirect_stdout(None), warnings.catch_warnings(action="ignore"):
        for number, cell in enumerate(cells):
            code = re.sub(r"^(\s*)%.*", r"\1pass", "".join(cell["source"]), flags=re.M)  # magics of the set-up cell
            exec(compile(code, f"{name}, code cell {number}", "exec"), known)
            plt.close("all")
    print(f"{name}: {len(cells)} code cells, {gpu.operations} operations on the GPU")

"""What the lab shows of images and networks, against the library's own functions."""

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.widgets import looks
from usft_lib.widgets.lab import Lab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(discs):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train, val, test = discs.split(0.5, 0.3, 0.2, seed=0)
    made = Lab(usft.UNet(width=4, depth=2), train, val, test, steps=6, batch_size=4)
    made.run(["enc1", "head"])
    return made


def refused(call, *words) -> None:
    with pytest.raises(BadInput) as error:
        call()
    assert "\n" not in str(error.value) and all(word in str(error.value) for word in words), str(error.value)


def test_images_are_chosen_by_their_dice_or_by_number(lab):
    order = lab.runs[0].table.sort_values("dice", kind="stable").index.tolist()
    assert lab.look_at("worst") == order[:3] and lab.look_at("best") == order[::-1][:3]
    assert lab.look_at("spread") == [order[0], order[len(order) // 2], order[-1]]
    assert order[len(order) // 2] in lab.look_at("median", 1)
    assert lab.look_at(4) == [4] and lab.look_at([5, 1, 5]) == [5, 1]
    assert lab.snapshot()["watched"] == [5, 1] and lab.pictures()["numbers"] == [5, 1]
    assert lab.pictures()["images"][1] == (lab.val.images[1, 0] * 255).round().byte().numpy().tobytes()
    assert lab.runs[0].outlines == lab.drawn(1, [5, 1]) and set(lab.runs[0].outlines) == {5, 1}
    for wrong in ([], [0, 1, 2, 3], -1, len(lab.val), 1.5, True, None, ["0"]):
        refused(lambda wrong=wrong: lab.look_at(wrong), "images by their numbers")
    refused(lambda: lab.look_at("wurst"), "did you mean 'worst'")
    refused(lambda: lab.look_at("worst", 9), "no run 9")


def test_images_without_an_object_are_not_the_worst(discs):
    table = usft.score(torch.zeros(1, 1, 32, 32, dtype=torch.bool), discs)
    table.loc[3, "empty"] = True
    assert 3 not in looks.choose("worst", table, len(discs)) + looks.choose("best", table, len(discs))


def test_changes_are_those_of_the_trained_groups(lab):
    found, before, after = lab.changes(1), lab.pretrained, lab.runs[0].model
    assert list(found) == lab.groups
    assert {name for name, change in found.items() if change} == {"enc1", "head"}
    old, new = (
        torch.cat([p.flatten() for p in model.enc1.parameters()]).detach().double() for model in (before, after)
    )
    assert found["enc1"] == pytest.approx(float((new - old).norm() / old.norm()))
    refused(lambda: lab.changes(7), "no run 7")


def test_ratios_are_the_probes(lab):
    assert lab.ratios() == usft.gradient_ratio(lab.pretrained, lab.train.subset(min(64, len(set(lab.train.subjects)))))


def test_a_field_is_the_probes_on_that_image(lab):
    found = lab.field("enc2", 2, 1)
    field = usft.effective_receptive_field(lab.runs[0].model, lab.val.images[[2]], "enc2")
    reach = usft.receptive_fields(lab.pretrained)["enc2"]
    assert torch.equal(found["field"], field.float()) and found["image"] == 2
    assert found["width"] == usft.effective_receptive_field_width(field) <= reach
    assert lab.field("head")["image"] == lab._watched[0]
    refused(lambda: lab.field("enc9"), "enc9")
    refused(lambda: lab.field("enc1", 999), "images by their numbers")
    refused(lambda: lab.field("enc1", 0, 9), "no run 9")


def test_validation_images_of_one_subject_are_refused(lab, discs):
    val = lab.val[:3]
    val.subjects = ["only"] * 3
    refused(lambda: Lab(lab.pretrained, lab.train, val), "two subjects")

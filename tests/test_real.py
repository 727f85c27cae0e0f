"""Real images: what the shipped weights and the prepared sets are worth. Skipped where there is no mirror."""

import pytest

import usft_lib as usft


@pytest.mark.slow
def test_the_xray_weights_hold_in_a_hospital_that_they_never_saw(mirror):
    test = usft.load("shenzhen", size=128).subset(150, seed=0)
    found = usft.summarise(usft.evaluate(usft.pretrained("xray"), test))
    print(f"Shenzhen: {found['dice']:.3f} ({found['low']:.3f}…{found['high']:.3f})")
    assert found["dice"] >= 0.90 and found["failures"] <= 0.02


def test_the_xray_weights_score_on_held_out_subjects_what_their_card_says(mirror, recwarn):
    model = usft.pretrained("xray")
    data = usft.load("montgomery", size=128)
    test = data.split(0.7, 0.1, 0.2, seed=0)[2]
    found = usft.evaluate(model, test)["dice"].mean()
    assert not [w for w in recwarn if "test subjects" in str(w.message)]
    assert found >= 0.94 and f"{found:.2f}" == f"{float(model.card['dice'][:5]):.2f}"
    with pytest.warns(UserWarning, match="were in the training set"):
        usft.evaluate(model, data[:5])


@pytest.mark.slow
def test_head_circumference_of_the_true_masks_agrees_with_the_published_one(mirror):
    data = usft.load("hc18", size=96)  # the size of the lessons, so prepared once for all of them
    published = data.extra["circumference_mm"].numpy()
    error = usft.head_circumference_mm(data.masks, data.spacing_mm).numpy() - published
    print(f"HC18: mean error {error.mean():+.2f} mm, mean |error| {abs(error).mean():.2f} mm over {len(error)} images")
    assert abs(error.mean()) < 0.8 and abs(error).mean() < 1.2
    for name in ("186_HC", "346_HC", "628_2HC", "787_HC"):  # cut by the border: some is missing, most is there
        assert -0.2 < (error / published)[data.ids.index(name)] < 0.02

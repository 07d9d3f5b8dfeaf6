"""What Giacomello, Loiacono, Mainardi 2020 published: whole tumour, BRATS 2015, 219 / 27 / 28 patients.

The paper's own numbers come first. Its text as we have it lacks the numbers of Table II and Fig. 3 and those of SegAN
without Dice loss; there the authors' result files, published with their code, stand in.
"""

from segan_tl.papers.tables import Origin, Published

_ELSEWHERE = "not in our copy of the paper; from the authors' published result files"
TEST = Origin("authors' result files, test", "†", f"{_ELSEWHERE}, test patients")
MERGED = Origin(
    "authors' result files, validation and test merged", "‡", f"{_ELSEWHERE}, validation and test patients merged"
)

# === Table I: four modalities; SegAN is "SegAN (TF2.0)", SegAN-CAT is called SegAN_IO there ===
TABLE_1 = {
    "segan": {"dice": Published(0.82753), "precision": Published(0.91542), "sensitivity": Published(0.76507)},
    "segan-no-dice": {"dice": Published(0.7044, TEST)},
    "segan-cat": {"dice": Published(0.86166), "precision": Published(0.89635), "sensitivity": Published(0.83585)},
}
# The same networks in the result files, for comparisons with the one that the paper's table lacks.
VARIANT_FILES = {
    "segan": Published(0.8231, TEST),
    "segan-no-dice": Published(0.7044, TEST),
    "segan-cat": Published(0.8568, TEST),
}
# === Table II: SegAN-CAT on one modality ===
TABLE_2 = {
    "flair": Published(0.8040, TEST),
    "t2": Published(0.7440, TEST),
    "t1c": Published(0.5822, TEST),
    "t1": Published(0.5304, TEST),
}
# === Fig. 3: trained on → seen on ===
FIGURE_3 = {
    trained_on: {modality: Published(value, MERGED) for modality, value in row.items()}
    for trained_on, row in {
        "t1": {"t1": 0.538, "t1c": 0.359, "t2": 0.108, "flair": 0.107},
        "t1c": {"t1": 0.435, "t1c": 0.578, "t2": 0.176, "flair": 0.382},
        "t2": {"t1": 0.128, "t1c": 0.149, "t2": 0.721, "flair": 0.531},
        "flair": {"t1": 0.082, "t1c": 0.259, "t2": 0.421, "flair": 0.810},
    }.items()
}


# === Table III: from FLAIR to the target; "frozen" is "Seg.", the segmentor alone ===
def _row(dice: float, precision: float, sensitivity: float) -> dict[str, Published]:
    return {"dice": Published(dice), "precision": Published(precision), "sensitivity": Published(sensitivity)}


TABLE_3 = {
    ("t1", "full"): _row(0.51049, 0.48687, 0.58236),
    ("t1", "frozen"): _row(0.60553, 0.60258, 0.64079),
    ("t1c", "full"): _row(0.59446, 0.72356, 0.53062),
    ("t1c", "frozen"): _row(0.59965, 0.69317, 0.54780),
    ("t2", "full"): _row(0.76647, 0.80952, 0.73292),
    ("t2", "frozen"): _row(0.80341, 0.83288, 0.78169),
}
# The same runs in the result files, to be set against TABLE_2: both sides of a comparison from one source.
TRANSFER_FILES = {
    ("t1", "full"): Published(0.4830, TEST),
    ("t1", "frozen"): Published(0.5701, TEST),
    ("t1c", "full"): Published(0.5371, TEST),
    ("t1c", "frozen"): Published(0.5463, TEST),
    ("t2", "full"): Published(0.7576, TEST),
    ("t2", "frozen"): Published(0.7946, TEST),
}

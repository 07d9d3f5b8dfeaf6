"""Relaxation times and proton densities of every tissue at 1.5 T and 3 T, with where they come from.

T1 and T2 in ms, proton density relative to water, gadolinium in mmol/l after a single dose.

What was measured:

  white matter   3 T: T1 832, T2 80 in vivo [Wansapura 1999]; T1 1084, T2 69 in vitro [Stanisz 2005]; T1 of 600 to
                 1100 over 25 methods [Assländer 2024]. 1.5 T: T1 884, T2 72 [Stanisz 2005].
  grey matter    3 T: T1 1331, T2 110 in vivo [Wansapura 1999]; T1 1820, T2 99 in vitro [Stanisz 2005].
                 1.5 T: T1 1124, T2 95 [Stanisz 2005].
  fluid          T1 about 4300, nearly independent of the field [Rooney 2007]; T2 long, seconds.
  blood          T1 1580 at 1.5 T and 1660 at 3 T [Sharma 2006]. Its T2 here is short on purpose: it stands for
                 the signal lost by flow in a spin echo.
  water content  white matter about 0.70, grey matter about 0.82 of water [Whittall 1997].
  contrast agent relaxation rate R1 rises by 0.032/s in white matter and by 0.047/s in peritumoural edema
                 [Blystad 2020], which at 3.7 per mmol/l and second is 0.009 and 0.013 mmol/l.

The values below for white and grey matter, fluid and blood lie close to those, with two liberties: T2 of grey matter
is set a little shorter and T2 of white matter at 1.5 T a little longer than measured, because the contrast between
them in turbo spin echo images of patients is weaker than a plain spin echo predicts. All others (deep grey, cerebellum,
brain stem, choroid plexus, edema, rim, necrosis, low-grade tumour, plaque, age-related spots, and the gadolinium in
leaking tissue) are our choice within the wide range that relaxometry of tumours reports [Just and Thelen 1988;
Bottomley 1987]: they were set so that the contrast-to-noise ratios of benchmarks/phantom_contrast.py
fall inside the range of real cases. They are not measurements.

[Assländer 2024]  arXiv:2409.05318
[Blystad 2020]    Scientific Reports 10 (PMC7581520)
[Bottomley 1987]  Medical Physics 14: 1-37
[Just 1988]       Just and Thelen, Radiology 169: 779-785
[Rohrer 2005]     Investigative Radiology 40: 715-724
[Rooney 2007]     Magnetic Resonance in Medicine 57: 308-318
[Sharma 2006]     Journal of Magnetic Resonance Imaging 23: 323-330
[Stanisz 2005]    Magnetic Resonance in Medicine 54: 507-512
[Wansapura 1999]  Journal of Magnetic Resonance Imaging 9: 531-538
[Whittall 1997]   Magnetic Resonance in Medicine 37: 34-43
"""

from typing import NamedTuple


class Tissue(NamedTuple):
    """What one tissue brings to the signal equations."""

    t1_ms: dict[float, float]
    t2_ms: dict[float, float]
    proton_density: float
    gadolinium_mmol: float
    spread: float  # standard deviation of ln T2 inside one subject (of ln T1: 0.7 of it)
    between: float  # and from one subject to the next


# fmt: off
TISSUES = {
    "csf":        Tissue({1.5: 4300, 3.0: 4300}, {1.5: 1900, 3.0: 1700}, 1.00, 0.00, 0.02, 0.010),
    "gm":         Tissue({1.5: 1150, 3.0: 1450}, {1.5:   92, 3.0:   90}, 0.82, 0.02, 0.065, 0.030),
    "wm":         Tissue({1.5:  800, 3.0:  930}, {1.5:   80, 3.0:   80}, 0.70, 0.01, 0.09, 0.035),
    "cerebellum": Tissue({1.5: 1100, 3.0: 1350}, {1.5:   94, 3.0:   94}, 0.82, 0.03, 0.05, 0.030),
    "stem":       Tissue({1.5:  840, 3.0:  990}, {1.5:   83, 3.0:   80}, 0.73, 0.03, 0.05, 0.030),
    "thalamus":   Tissue({1.5: 1000, 3.0: 1230}, {1.5:   86, 3.0:   83}, 0.78, 0.02, 0.04, 0.030),
    "striatum":   Tissue({1.5: 1080, 3.0: 1330}, {1.5:   87, 3.0:   82}, 0.81, 0.02, 0.04, 0.030),
    "pallidum":   Tissue({1.5:  850, 3.0: 1040}, {1.5:   72, 3.0:   61}, 0.75, 0.03, 0.04, 0.040),
    "choroid":    Tissue({1.5: 1700, 3.0: 1900}, {1.5:  220, 3.0:  200}, 0.92, 0.70, 0.15, 0.100),
    "vessel":     Tissue({1.5: 1580, 3.0: 1660}, {1.5:   40, 3.0:   30}, 0.60, 0.90, 0.20, 0.100),
    "leuko":      Tissue({1.5: 1050, 3.0: 1300}, {1.5:  125, 3.0:  120}, 0.80, 0.03, 0.08, 0.060),
    "edema":      Tissue({1.5: 1150, 3.0: 1380}, {1.5:  132, 3.0:  126}, 0.83, 0.013, 0.09, 0.100),
    "rim":        Tissue({1.5: 1090, 3.0: 1270}, {1.5:  129, 3.0:  121}, 0.84, 0.105, 0.14, 0.100),
    "necrosis":   Tissue({1.5: 1580, 3.0: 1800}, {1.5:  182, 3.0:  170}, 0.89, 0.01, 0.15, 0.150),
    "tumour":     Tissue({1.5: 1500, 3.0: 1800}, {1.5:  190, 3.0:  180}, 0.88, 0.03, 0.12, 0.120),
    "plaque":     Tissue({1.5: 1200, 3.0: 1450}, {1.5:  150, 3.0:  145}, 0.84, 0.03, 0.10, 0.080),
}
# fmt: on

# Relaxivity of gadopentetate dimeglumine in plasma at 37 C, per mmol/l and second [Rohrer 2005].
R1_PER_MMOL_SECOND = {1.5: 4.1, 3.0: 3.7}
R2_PER_MMOL_SECOND = {1.5: 4.6, 3.0: 5.2}

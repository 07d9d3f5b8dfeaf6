"""Numbers that describe a tumour: its shape, its intensities and their texture, by the names of PyRadiomics."""

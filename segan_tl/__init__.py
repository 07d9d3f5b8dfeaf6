"""segan_tl: brain-tumour segmentation where data is scarce, in Keras."""

__version__ = "0.1.0"

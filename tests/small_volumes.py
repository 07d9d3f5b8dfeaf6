"""A volumetric configuration that trains in seconds."""

TINY = """
name = "tiny"

[data]
regions = ["wt", "et"]
patch = [16, 16, 16]
foreground = 0.5
split = [0.5, 0.25, 0.25]

[augment]
mirror = 0.5
rotation = 0.5
gamma = 0.5

[model]
family = "nnunet"
filters = [4, 8]
blocks = [1, 1]
decoder_blocks = [1]

[train]
batch_size = 2
epochs = 3
steps_per_epoch = 4
learning_rate = 1e-2
momentum = 0.9
averaging = 0.9

[predict]
overlap = 0.0
mirror = false
"""

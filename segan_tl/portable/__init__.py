"""One file that needs neither our training code nor TensorFlow: a network as ONNX, and all that belongs to its use."""

"""Training and export of the shipped nets (extra `prepare`: torch, litert-torch, ai-edge-quantizer)."""

"""The only contact with mlx_lm (and transformers behind it), which have no types: models, logits, tokenizers."""

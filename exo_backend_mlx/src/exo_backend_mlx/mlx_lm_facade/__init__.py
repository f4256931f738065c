"""The only contact with mlx_lm (and transformers behind it), which have no types: models, logits, tokenizers."""

from exo_backend_mlx.mlx_lm_facade.lean_package import make_lean

make_lean()  # before any part of mlx_lm is imported

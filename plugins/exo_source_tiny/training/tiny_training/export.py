"""How does a checkpoint become the folder that the package ships? A Llama model as mlx_lm and transformers load it."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tiny_training.checkpoint import WEIGHT_PREFIX
from tiny_training.model_folder import MODEL_FOLDER
from tiny_training.network import PROBE, SHAPE, Shape
from tiny_training.tokens import CONTEXT_LENGTH, END_ID


def main() -> None:
    """Write the model folder from a training folder."""
    parser = argparse.ArgumentParser(description="export the embedded model")
    parser.add_argument("--folder", type=Path, required=True, help="where training kept its checkpoint")
    parser.add_argument("--into", type=Path, default=MODEL_FOLDER)
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    write_weights(options.folder / "checkpoint.safetensors", options.into / "model.safetensors")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(options.folder / name, options.into / name)
    _write_json(options.into / "config.json", model_config(SHAPE))
    _write_json(options.into / "generation_config.json", {"eos_token_id": END_ID, "do_sample": False})


def write_weights(checkpoint: Path, model: Path) -> None:
    """The weights under Hugging Face's names; matrices turn from (inputs, outputs) to (outputs, inputs)."""
    arrays = {
        f"model.{name.removeprefix(WEIGHT_PREFIX)}.weight": np.ascontiguousarray(
            value.T if name.endswith("_proj") else value
        )
        for name, value in load_file(checkpoint).items()
        if name.startswith(WEIGHT_PREFIX) and not name.endswith(PROBE)
    }
    save_file(arrays, model, metadata={"format": "pt"})
    model.chmod(0o644)  # safetensors writes files that only their owner may read


def model_config(shape: Shape) -> dict[str, object]:
    """The `config.json` of a Llama model of this shape, weights in float32."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "bos_token_id": None,
        "eos_token_id": END_ID,
        "head_dim": shape.head,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "max_position_embeddings": CONTEXT_LENGTH,
        "mlp_bias": False,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.key_value_heads,
        "pad_token_id": END_ID,
        "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "vocab_size": shape.vocabulary,
    }


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A small config.json for each architecture, in which everything that could go wrong at a cut happens.

Windows are shorter than the tests' prompts, patterns of layers shorter than four layers, scalings differ from 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from exo_backend_mlx.model_config import Config

_EXPERTS: Config = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 32, "norm_topk_prob": True,
}  # fmt: skip
_MIXED_LAYERS: Config = {
    "sliding_window": 16,
    "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
}
_DEEPSEEK: Config = {
    **_EXPERTS,
    "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": 24, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16,
    "v_head_dim": 16, "n_shared_experts": 1, "first_k_dense_replace": 1, "routed_scaling_factor": 1.5,
}  # fmt: skip
_SPECIFIC: Mapping[str, Config] = {
    "glm4_moe_lite": {
        **_DEEPSEEK,
        "n_group": 1, "topk_group": 1, "rope_scaling": None, "tie_word_embeddings": False, "attention_bias": True,
        "partial_rotary_factor": 0.5,
    },
    "lfm2": {
        "norm_eps": 1e-5, "conv_bias": False, "conv_L_cache": 3, "block_dim": 64, "block_ff_dim": 128,
        "block_multiple_of": 32, "block_ffn_dim_multiplier": 1.0, "block_auto_adjust_ff_dim": False,
        "full_attn_idxs": [1, 3],
    },
    "llama": {"tie_word_embeddings": False},
    "mamba2": {
        "num_heads": 8, "head_dim": 16, "state_size": 8, "conv_kernel": 4, "n_groups": 1, "use_bias": False,
        "use_conv_bias": True, "tie_word_embeddings": True, "time_step_limit": [0.001, 10.0],
        "time_step_rank": "auto", "layer_norm_epsilon": 1e-5,
    },
    "mistral": {"tie_word_embeddings": False},
    "cohere": {"layer_norm_eps": 1e-5, "logit_scale": 0.5},
    "cohere2": {"layer_norm_eps": 1e-5, "logit_scale": 0.5, "sliding_window": 16, "sliding_window_pattern": 3},
    "deepseek_v3": _DEEPSEEK,
    "ernie4_5": {"use_bias": False, "tie_word_embeddings": False},
    "exaone4": {
        "rope_scaling": {"type": "default"}, "tie_word_embeddings": False, "sliding_window": 16,
        "sliding_window_pattern": "LLG",
    },
    "gemma2": {"query_pre_attn_scalar": 16.0, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    "gemma3_text": {
        "sliding_window": 16, "sliding_window_pattern": 3, "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0,
        "query_pre_attn_scalar": 16.0,
    },
    "glm4": {"attention_bias": True, "partial_rotary_factor": 0.5},
    "glm4_moe": {
        **_DEEPSEEK,
        "num_key_value_heads": 2, "n_group": 1, "topk_group": 1, "rope_scaling": None, "use_qk_norm": True,
        "tie_word_embeddings": False, "attention_bias": True, "partial_rotary_factor": 0.5,
    },
    "gpt_oss": {**_EXPERTS, **_MIXED_LAYERS},
    "granite": {
        "logits_scaling": 2.0, "attention_multiplier": 0.25, "embedding_multiplier": 3.0, "residual_multiplier": 0.7,
        "attention_bias": False, "mlp_bias": False,
    },
    "ministral3": {
        **_MIXED_LAYERS,
        "rope_parameters": {
            "rope_theta": 10000.0, "type": "default", "llama_4_scaling_beta": 0.1,
            "original_max_position_embeddings": 8,
        },
    },
    "mixtral": _EXPERTS,
    "olmo2": {"tie_word_embeddings": False},
    "olmo3": _MIXED_LAYERS,
    "olmoe": _EXPERTS,
    "phi3": {"partial_rotary_factor": 0.5},
    "qwen2": {"tie_word_embeddings": True},
    "qwen2_moe": {**_EXPERTS, "shared_expert_intermediate_size": 32},
    "qwen3": {"tie_word_embeddings": True},
    "qwen3_moe": {**_EXPERTS, "decoder_sparse_step": 2, "mlp_only_layers": [2], "tie_word_embeddings": False},
    "qwen3_next": {
        **_EXPERTS,
        "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 16,
        "linear_value_head_dim": 16, "linear_conv_kernel_dim": 4, "decoder_sparse_step": 1,
        "shared_expert_intermediate_size": 32, "mlp_only_layers": [], "partial_rotary_factor": 0.5,
        "tie_word_embeddings": False, "attention_bias": False, "full_attention_interval": 2,
    },
    "seed_oss": {"attention_bias": True},
    "smollm3": {"no_rope_layers": [1, 0, 1, 1]},
    "stablelm": {"partial_rotary_factor": 0.5, "layer_norm_eps": 1e-5, "use_qkv_bias": False},
    "starcoder2": {"tie_word_embeddings": True},
}  # fmt: skip


def random_config(architecture: str, *, layers: int, hidden: int, vocabulary: int) -> Config:
    """The config.json of an architecture, with four attention heads that share two key-value heads."""
    usual: Config = {
        "model_type": architecture,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": 2 * hidden,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": hidden // 4,
        "rms_norm_eps": 1e-6,
        "vocab_size": vocabulary,
        "max_position_embeddings": 512,
        "rope_theta": 10000.0,
        "eos_token_id": 0,
    }
    return usual | _SPECIFIC.get(architecture, {})

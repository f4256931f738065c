"""The backend `mlx`: one stage of any mlx-lm model, on Metal, CUDA or a CPU."""

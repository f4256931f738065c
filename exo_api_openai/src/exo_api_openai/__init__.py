"""The OpenAI API of an exo cluster: chat completions, completions, embeddings, and the list of models."""

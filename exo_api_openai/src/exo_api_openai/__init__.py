"""The OpenAI API of an exo cluster: chat completions, streamed and whole, and the list of models."""

"""The source `huggingface`: models of the Hugging Face Hub, by their ids (`org/name`, `org/name@revision`)."""

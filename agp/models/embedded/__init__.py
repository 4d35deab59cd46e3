"""The model that comes with agp: its card, its weights on disk, and the in-process provider.

Nothing here imports llama_cpp, litellm or huggingface_hub before it is used.
"""

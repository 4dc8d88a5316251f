"""Who vouches for what: signatures, pinned keys and the signed state of registries, as functions over bytes."""

"""The dataset triplet as values: how an id follows from a slug."""

import uuid

# Fixed for ever: any machine derives the same id from the same slug.
_NAMESPACE = uuid.UUID("6f1d3c5e-8a0b-5c7d-9e2f-4b6a8c0d1e3f")


def dataset_id_of(slug: str) -> uuid.UUID:
    """The id that a dataset of this slug gets where stage1 makes it."""
    # An argument that is no UTF-8 has half surrogates. It is refused where it is sent, by its name.
    return uuid.uuid5(_NAMESPACE, slug.encode(errors="replace").decode())

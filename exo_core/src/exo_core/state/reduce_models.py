"""How events change the catalogue, what lies on whose disk, and the state of plugins."""

from __future__ import annotations

from exo_core.state.events import DownloadFinished, DownloadLost, ExtensionChanged, ModelAdded, ModelRemoved
from exo_core.state.state import Model, State


def model_added(state: State, event: ModelAdded) -> State:
    """A model, or a newer description of it."""
    model = Model(manifest=event.manifest, card=event.card)
    return state.model_copy(update={"models": {**state.models, event.manifest.model_id: model}})


def model_removed(state: State, event: ModelRemoved) -> State:
    """Gone from the catalogue, unless an instance of it is wished: then the wish wins."""
    wished = any(instance.request.model_id == event.model_id for instance in state.instances.values())
    if wished or event.model_id not in state.models:
        return state
    models = {name: model for name, model in state.models.items() if name != event.model_id}
    return state.model_copy(update={"models": models})


def download_finished(state: State, event: DownloadFinished) -> State:
    """A member has a revision of a model complete; one revision per model is remembered."""
    if event.node_id not in state.members:
        return state
    of_node = {**state.downloads.get(event.node_id, {}), event.model_id: event.revision}
    return state.model_copy(update={"downloads": {**state.downloads, event.node_id: of_node}})


def download_lost(state: State, event: DownloadLost) -> State:
    """A member has a model no more; a member without any disappears."""
    before = state.downloads.get(event.node_id, {})
    if event.model_id not in before:
        return state
    left = {model_id: revision for model_id, revision in before.items() if model_id != event.model_id}
    others = {node_id: models for node_id, models in state.downloads.items() if node_id != event.node_id}
    return state.model_copy(update={"downloads": {**others, event.node_id: left} if left else others})


def extension_changed(state: State, event: ExtensionChanged) -> State:
    """A key of a plugin's slice is set, or removed by None; an empty slice disappears."""
    slice_ = {**state.extensions.get(event.plugin, {}), event.key: event.value}
    if event.value is None:
        del slice_[event.key]
    extensions = {**state.extensions, event.plugin: slice_}
    if not slice_:
        del extensions[event.plugin]
    return state.model_copy(update={"extensions": extensions})

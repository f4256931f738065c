"""Every path of the cluster's own API, and what answers there."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from exo_api_cluster import operations
from exo_api_cluster.await_instance import await_endpoint
from exo_api_cluster.downloads import cancel_download_endpoint, downloads_endpoint, start_download_endpoint
from exo_api_cluster.events import events_endpoint
from exo_api_cluster.instances import delete_instance_endpoint, instance_endpoint
from exo_api_cluster.models import add_model_endpoint, models_endpoint, remove_model_endpoint
from exo_api_cluster.page import page
from exo_api_cluster.placing import place_endpoint, place_exactly_endpoint
from exo_api_cluster.previews import previews_endpoint
from exo_api_cluster.readiness import ready_endpoint
from exo_api_cluster.state import node_id_endpoint, state_endpoint
from exo_core.node_handle import NodeHandle
from exo_http.operation import ApiRoute


def cluster_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """All of them. Fixed paths come before those with an id. A key that may only ask models reads what it needs."""
    models, place, exact = models_endpoint(node), place_endpoint(node), place_exactly_endpoint(node)
    add, remove = add_model_endpoint(node), remove_model_endpoint(node)
    start, cancel = start_download_endpoint(node), cancel_download_endpoint(node)
    delete, previews = delete_instance_endpoint(node), previews_endpoint(node)
    return [
        ApiRoute("/", page, operation=operations.PAGE),
        ApiRoute("/node_id", node_id_endpoint(node), operation=operations.NODE_ID, scope="infer"),
        ApiRoute("/state", state_endpoint(node), operation=operations.STATE),
        ApiRoute("/ready", ready_endpoint(node), operation=operations.READY, scope="infer"),
        ApiRoute("/events", events_endpoint(node), operation=operations.EVENTS),
        ApiRoute("/models", models, operation=operations.MODELS, scope="infer"),
        ApiRoute("/models/add", add, operation=operations.ADD_MODEL, method="POST"),
        ApiRoute("/models/{model_id:path}", remove, operation=operations.REMOVE_MODEL, method="DELETE"),
        ApiRoute("/instance", exact, operation=operations.PLACE_EXACTLY, method="POST"),
        ApiRoute("/instance/previews", previews, operation=operations.PREVIEWS),
        ApiRoute("/instance/await", await_endpoint(node), operation=operations.AWAIT, scope="infer"),
        ApiRoute("/instance/{instance_id}", instance_endpoint(node), operation=operations.INSTANCE),
        ApiRoute("/instance/{instance_id}", delete, operation=operations.DELETE_INSTANCE, method="DELETE"),
        ApiRoute("/place_instance", place, operation=operations.PLACE, method="POST"),
        ApiRoute("/downloads", downloads_endpoint(node), operation=operations.DOWNLOADS),
        ApiRoute("/download/start", start, operation=operations.START_DOWNLOAD, method="POST"),
        ApiRoute("/download/cancel", cancel, operation=operations.CANCEL_DOWNLOAD, method="POST"),
    ]

"""Every path of the cluster's own API, and what answers there."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route

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


def cluster_routes(node: NodeHandle) -> Sequence[BaseRoute]:
    """All of them. Fixed paths come before those with an id."""
    return [
        Route("/", page),
        Route("/node_id", node_id_endpoint(node)),
        Route("/state", state_endpoint(node)),
        Route("/ready", ready_endpoint(node)),
        Route("/events", events_endpoint(node)),
        Route("/models", models_endpoint(node)),
        Route("/models/add", add_model_endpoint(node), methods=["POST"]),
        Route("/models/{model_id:path}", remove_model_endpoint(node), methods=["DELETE"]),
        Route("/instance", place_exactly_endpoint(node), methods=["POST"]),
        Route("/instance/previews", previews_endpoint(node)),
        Route("/instance/await", await_endpoint(node)),
        Route("/instance/{instance_id}", instance_endpoint(node)),
        Route("/instance/{instance_id}", delete_instance_endpoint(node), methods=["DELETE"]),
        Route("/place_instance", place_endpoint(node), methods=["POST"]),
        Route("/downloads", downloads_endpoint(node)),
        Route("/download/start", start_download_endpoint(node), methods=["POST"]),
        Route("/download/cancel", cancel_download_endpoint(node), methods=["POST"]),
    ]

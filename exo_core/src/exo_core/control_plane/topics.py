"""Under which names the control plane speaks."""

from __future__ import annotations

from pydantic import TypeAdapter

from exo_core.control_plane.messages import (
    COMMAND,
    COMMAND_REPLY,
    REPLICATION_MESSAGE,
    CommandReply,
    ReplicationMessage,
)
from exo_core.election.messages import ELECTION_MESSAGE, ElectionMessage
from exo_core.messaging import Call, Topic
from exo_core.state.commands import Command
from exo_core.telemetry import NodeTelemetry

ELECTION_TOPIC: Topic[ElectionMessage] = Topic("election", ELECTION_MESSAGE)
LOG_TOPIC: Topic[ReplicationMessage] = Topic("log", REPLICATION_MESSAGE)
TELEMETRY_TOPIC: Topic[NodeTelemetry] = Topic("telemetry", TypeAdapter(NodeTelemetry))
COMMAND_CALL: Call[Command, CommandReply] = Call("command", COMMAND, COMMAND_REPLY)

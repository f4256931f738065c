"""Where log lines go: a rotating file in the home, and as much to the terminal as was asked for. Never a prompt."""

from __future__ import annotations

import json
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal, final

LARGEST_LOG_BYTES = 10 * 1024 * 1024
KEPT_LOGS = 3

TEXT_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

LogFormat = Literal["text", "json"]


def configure_logging(*, file: Path, verbosity: int, log_format: LogFormat) -> None:
    """`verbosity`: -1 errors only, 0 warnings, 1 what happens, 2 everything; the file gets at least what happens."""
    level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    formatter = JsonLines() if log_format == "json" else logging.Formatter(TEXT_FORMAT)
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(level)
    kept = RotatingFileHandler(file, maxBytes=LARGEST_LOG_BYTES, backupCount=KEPT_LOGS, encoding="utf-8")
    kept.setLevel(min(level, logging.INFO))
    for handler in (terminal, kept):
        handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [terminal, kept]
    root.setLevel(min(level, logging.INFO))


@final
class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Render."""
        document = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)

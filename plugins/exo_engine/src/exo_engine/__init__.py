"""exo's engine: what schedules requests over the stages of a model, for any backend that has a `Stage`."""

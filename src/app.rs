//! Options to source, pipeline and report: the only place that knows all.

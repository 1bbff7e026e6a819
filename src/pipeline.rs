//! Frames in, findings out: push, finish.

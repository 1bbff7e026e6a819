//! Command line: arguments to options, one file a subcommand.

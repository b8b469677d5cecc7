"""Tables of networks trained and evaluated alike: finished rows are kept, and processes share the work."""

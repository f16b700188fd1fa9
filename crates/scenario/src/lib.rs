//! Scenarios: topology, client, timeline, expectations, and the world that runs them.

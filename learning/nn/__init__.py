"""Network blocks of the inverse dynamics model and the policy: VPT's image network, attention with memory, heads."""

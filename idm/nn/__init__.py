"""Network blocks shared by the inverse dynamics model, the policy and the generator."""
